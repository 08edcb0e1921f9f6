/** What a worker thread does: serves the thread that started it. */
import type { MessagePort } from 'node:worker_threads';
import { Outbox } from './outbox.ts';
import type { Call, Reply } from './protocol.ts';
import { type Served, serve } from './serve.ts';

/** Replies that wait for each other, and how long at most: the caller must not run out of steps in flight. */
const MOST_WAITING = 16;
const LONGEST_WAIT_MS = 1;

export function serveThread(port: MessagePort, served: Served): void {
  const replies = new Outbox<Reply>((some, transfer) => port.postMessage(some, transfer));
  let unanswered = 0;
  const take = serve(served, {
    transfers: true,
    send(reply, transfer) {
      replies.add(reply, transfer);
      unanswered--;
      if (unanswered === 0 || replies.count >= MOST_WAITING || replies.waitedMs >= LONGEST_WAIT_MS) replies.flush();
    },
  });
  port.on('message', (calls: readonly Call[]) => {
    unanswered += calls.length;
    for (const call of calls) take(call);
  });
}
