/** The live view of a terminal: listr2 shows our events, it runs nothing. */
import type { RunEvent, StageResult } from '../scheduler/events.ts';
import { diagnosticFrame } from './diagnostic-frame.ts';
import { showCount, showDuration } from './duration.ts';
import { type LinesOptions, plainLines } from './lines.ts';
import type { Reporter } from './reporter.ts';
import { closingLines, MARKS, type Paint, stageWords } from './stage-line.ts';

const BAR = 20;
/** A terminal that says it is narrower, or does not know, gets plain lines. */
const LEAST_COLUMNS = 40;

type Progress = Extract<RunEvent, { event: 'stage-progress' }>;

/** Whether lines can be drawn over on a stream. */
export function canBeLive({ isTTY, columns }: { readonly isTTY: boolean; readonly columns: number }): boolean {
  return isTTY && columns >= LEAST_COLUMNS;
}

/** Becomes live when the first stage really runs; until then it is the plain lines, so that a cached run loads no view. */
export function liveView(options: LinesOptions): Reporter {
  const plain = plainLines(options);
  const open = new Set<string>();
  let width = 0;
  let showing: Promise<View> | undefined;
  const kept: string[] = [];
  return {
    emit(event) {
      if (event.event === 'run-started') {
        width = Math.max(...event.stages.map((name) => name.length), 0);
        for (const name of event.stages) open.add(name);
      }
      if (event.event === 'stage-started') showing ??= openView([...open], options.paint);
      if (event.event === 'diagnostic' && showing) kept.push(diagnosticFrame(event.diagnostic));
      else if (event.event === 'run-finished') {
        const finish = () => {
          for (const frame of kept) options.writeError(`${frame}\n`);
          for (const line of closingLines(event, options.paint)) options.write(`${line}\n`);
        };
        if (showing) void showing.then((view) => view.end()).then(finish);
        else finish();
      } else if (showing) void showing.then((view) => view.show(event, width));
      else {
        if (event.event === 'stage-finished') open.delete(event.stage);
        plain.emit(event);
      }
    },
    close() {},
  };
}

interface View {
  readonly show: (event: RunEvent, width: number) => void;
  readonly end: () => Promise<void>;
}

interface Line {
  retitle(title: string): void;
  finish(status: StageResult['status']): void;
}

/** A task for each stage that is still to come, in their order. One without a title is not shown: a stage gets its when it starts. */
async function openView(stages: readonly string[], paint: Paint): Promise<View> {
  const { Listr, ListrDefaultRendererLogLevels: Level, Spinner } = await import('listr2');
  class IndentedSpinner extends Spinner {
    override fetch(): string {
      return `  ${super.fetch()}`;
    }
  }
  const lines = new Map<string, Line>();
  const list = new Listr<object>(
    stages.map((name) => ({
      task: (_context, task) =>
        new Promise<void>((resolve, reject) => {
          lines.set(name, {
            retitle: (text) => {
              task.title = text;
            },
            finish: (status) => {
              if (status === 'failed') reject(new Error(name));
              else if (status === 'skipped') task.skip();
              resolve();
            },
          });
        }),
    })),
    {
      concurrent: true,
      exitOnError: false,
      // It would end the process at once; a run stops at a batch boundary and says so.
      registerSignalListeners: false,
      rendererOptions: {
        spinner: new IndentedSpinner(),
        showErrorMessage: false,
        showSkipMessage: false,
        suffixSkips: false,
        icon: {
          [Level.COMPLETED]: `  ${MARKS.ran}`,
          [Level.FAILED]: `  ${MARKS.failed}`,
          [Level.SKIPPED_WITH_COLLAPSE]: `  ${MARKS.skipped}`,
          [Level.SKIPPED_WITHOUT_COLLAPSE]: `  ${MARKS.skipped}`,
        },
      },
    },
  );
  const shown = list.run().catch(() => undefined);
  return {
    show(event, width) {
      if (event.event === 'stage-started') lines.get(event.stage)?.retitle(event.stage);
      else if (event.event === 'stage-progress') lines.get(event.stage)?.retitle(progressTitle(event));
      else if (event.event === 'stage-waiting')
        lines.get(event.stage)?.retitle(`${event.stage} waits for ${event.owner}, which is computing it`);
      else if (event.event === 'stage-finished') {
        lines.get(event.stage)?.retitle(stageWords(event.stage, event, width, paint));
        lines.get(event.stage)?.finish(event.status);
      }
    },
    async end() {
      for (const line of lines.values()) line.finish('ran');
      await shown;
    },
  };
}

export function progressBar(done: number, total: number, width: number): string {
  const filled = total > 0 ? Math.min(width, Math.round((done / total) * width)) : 0;
  return '█'.repeat(filled) + '░'.repeat(width - filled);
}

/** `features ████████░░░░ 412 of 1,000 · 41.2/s · 14.3 s left`. */
export function progressTitle({ stage, done, total, rate, note }: Progress): string {
  const left = rate > 0 && done < total ? ` · ${showDuration(((total - done) / rate) * 1000)} left` : '';
  return `${stage} ${progressBar(done, total, BAR)} ${showCount(done)} of ${showCount(total)}${rate > 0 ? ` · ${rate.toFixed(1)}/s` : ''}${left}${note ? ` · ${note}` : ''}`;
}
