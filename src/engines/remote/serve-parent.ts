/** What a child process does: serves its parent on the channel at descriptor 3, and ends when the parent does. */
import { Socket } from 'node:net';
import { FrameReader, frame } from './frames.ts';
import type { Call } from './protocol.ts';
import { type Served, serve } from './serve.ts';

export function serveParent(served: Served): void {
  const channel = new Socket({ fd: 3, readable: true, writable: true });
  const take = serve(served, {
    transfers: false,
    send: (reply) => {
      for (const piece of frame(reply)) channel.write(piece);
    },
  });
  const reader = new FrameReader((value) => {
    if (isCall(value)) take(value);
  });
  channel.on('data', (chunk: Uint8Array) => reader.push(chunk));
  channel.on('close', () => process.exit(0));
  channel.on('error', () => process.exit(0));
  // Ctrl-C reaches every process of a terminal: the parent decides what becomes of the work.
  process.on('SIGINT', () => {});
}

function isCall(value: unknown): value is Call {
  return typeof value === 'object' && value !== null && 'id' in value && 'request' in value;
}
