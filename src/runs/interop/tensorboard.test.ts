import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../files/package-root.ts';
import { crc32c } from '../../files/tf-record.ts';
import type { RunFacts } from './run-facts.ts';
import { tensorboardEvents } from './tensorboard.ts';

const facts: RunFacts = {
  id: 'run-1',
  pipeline: 'digits',
  startedMs: 1_700_000_000_500,
  endedMs: 1_700_000_003_750,
  succeeded: true,
  params: { 'head.epochs': 2 },
  settings: {},
  metrics: { score: { 'log-loss': 0.1 } },
  curves: { head: [] },
  tags: {},
};

describe('event files', () => {
  it('have the check sums of RFC 3720, B.4', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283);
  });

  it("are those of TensorBoard's own writer, to the byte", () => {
    const { hex }: { hex: string } = JSON.parse(
      readFileSync(join(packageRoot(), 'test/vectors/tensorboard/events.json'), 'utf8'),
    );
    const head = [
      { epoch: 1, loss: 0.75, 'learning-rate': 0.001 },
      { epoch: 300, loss: Number.NaN, 'learning-rate': 0.001 },
    ];
    expect(Buffer.from(tensorboardEvents({ ...facts, curves: { head } })).toString('hex')).toBe(hex);
  });
});
