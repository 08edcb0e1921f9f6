/** The live view of a terminal: listr2 shows our events, it runs nothing. */
import type { RunEvent } from '../scheduler/events.ts';
import { diagnosticFrame } from './diagnostic-frame.ts';
import { showCount, showDuration } from './duration.ts';
import { type LinesOptions, plainLines } from './lines.ts';
import type { Reporter } from './reporter.ts';
import { closingLines, stageLine } from './stage-line.ts';

const BAR = 20;

type Progress = Extract<RunEvent, { event: 'stage-progress' }>;

/** Becomes live when the first stage really runs; until then it is the plain lines, so that a cached run loads no view. */
export function liveView(options: LinesOptions): Reporter {
  const plain = plainLines(options);
  let width = 0;
  let showing: Promise<View> | undefined;
  const kept: string[] = [];
  return {
    emit(event) {
      if (event.event === 'run-started') width = Math.max(...event.stages.map((name) => name.length), 0);
      if (event.event === 'stage-started') showing ??= openView();
      if (event.event === 'diagnostic') kept.push(diagnosticFrame(event.diagnostic));
      else if (event.event === 'run-finished') {
        const finish = () => {
          for (const frame of kept) options.writeError(`${frame}\n`);
          for (const line of closingLines(event, options.paint)) options.write(`${line}\n`);
        };
        if (showing) void showing.then((view) => view.end()).then(finish);
        else finish();
      } else if (!showing) plain.emit(event);
      else void showing.then((view) => view.show(event, width, options));
    },
    close() {},
  };
}

interface View {
  readonly show: (event: RunEvent, width: number, options: LinesOptions) => void;
  readonly end: () => Promise<void>;
}

/** One listr2 task a stage that runs; it ends when the stage does. */
async function openView(): Promise<View> {
  const { Listr } = await import('listr2');
  const tasks = new Map<string, { retitle(title: string): void; finish(failed: boolean): void }>();
  let started: Promise<unknown> = Promise.resolve();
  const add = (name: string, title: string) => {
    const single = new Listr<object>(
      [
        {
          title,
          task: (_context, task) =>
            new Promise<void>((resolve, reject) => {
              tasks.set(name, {
                retitle: (text) => {
                  task.title = text;
                },
                finish: (failed) => (failed ? reject(new Error(name)) : resolve()),
              });
            }),
        },
      ],
      { exitOnError: false },
    );
    started = Promise.all([started, single.run().catch(() => undefined)]);
  };
  return {
    show(event, width, options) {
      if (event.event === 'stage-started') add(event.stage, event.stage);
      else if (event.event === 'stage-progress') tasks.get(event.stage)?.retitle(progressTitle(event));
      else if (event.event === 'stage-waiting')
        tasks.get(event.stage)?.retitle(`${event.stage} waits for ${event.owner}`);
      else if (event.event === 'stage-finished') {
        const task = tasks.get(event.stage);
        const line = stageLine(event.stage, event, width, options.paint).trim().slice(2);
        if (!task) return;
        task.retitle(line);
        task.finish(event.status === 'failed');
      }
    },
    async end() {
      await started;
    },
  };
}

/** `features ████████░░░░ 412 of 1,000 · 41.2/s · 14.3 s left`. */
export function progressTitle({ stage, done, total, rate, note }: Progress): string {
  const filled = total > 0 ? Math.round((done / total) * BAR) : 0;
  const bar = '█'.repeat(filled) + '░'.repeat(BAR - filled);
  const left = rate > 0 && done < total ? ` · ${showDuration(((total - done) / rate) * 1000)} left` : '';
  return `${stage} ${bar} ${showCount(done)} of ${showCount(total)}${rate > 0 ? ` · ${rate.toFixed(1)}/s` : ''}${left}${note ? ` · ${note}` : ''}`;
}
