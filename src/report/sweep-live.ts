/** The live table of a sweep on a terminal: its lines are drawn over those of a moment ago. */

import type { Setting } from '../sweep/space.ts';
import { diagnosticFrame } from './diagnostic-frame.ts';
import type { LinesOptions } from './lines.ts';
import { SweepBoard } from './sweep-board.ts';
import { ofTrial, type SweepReporter, sweepLines } from './sweep-lines.ts';

const REDRAW_MS = 100;
/** Lines that the table has at most. */
const TALLEST = 24;

export interface LiveOptions extends LinesOptions {
  /** Of the terminal, asked at every drawing. */
  readonly size: () => { readonly columns: number; readonly rows: number };
}

/** Becomes live when the first stage really runs; a sweep that finds everything cached is plain lines. */
export function liveSweep(options: LiveOptions): SweepReporter {
  const { write, writeError, size } = options;
  const plain = sweepLines(options);
  const board = new SweepBoard();
  const settings = new Map<number, readonly Setting[]>();
  let live = false;
  let drawn = 0;
  let drawnAt = 0;
  const clear = () => {
    // Cursor to the first of the drawn lines, and nothing after it.
    if (drawn > 0) write(`\u001b[${drawn}A\u001b[J`);
    drawn = 0;
  };
  const draw = () => {
    const { columns, rows } = size();
    const lines = board.lines(columns - 1, Math.min(TALLEST, rows - 2), performance.now());
    const over = drawn > 0 ? `\u001b[${drawn}A\u001b[J` : '';
    write(`${over}${lines.map((line) => `${line}\n`).join('')}`);
    drawn = lines.length;
    drawnAt = performance.now();
  };
  return {
    emit(event) {
      board.note(event, performance.now());
      if (event.event === 'trial-planned') settings.set(event.trial, event.settings);
      if (event.event === 'stage-started') live = true;
      if (!live) return plain.emit(event);
      if (event.event === 'diagnostic') {
        clear();
        writeError(`${diagnosticFrame(ofTrial(event, settings))}\n`);
      }
      if (drawn === 0 || event.event === 'trial-finished' || performance.now() - drawnAt > REDRAW_MS) draw();
    },
    close() {
      clear();
    },
  };
}
