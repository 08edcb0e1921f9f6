/** What a sweep looks like while it runs: the trials ranked, those at work with their progress, and how long it may take. */
import { escapeForTerminal } from '../base/escape.ts';
import type { Goal } from '../sweep/goal.ts';
import type { SweepEvent } from '../sweep/run-sweep.ts';
import type { Setting } from '../sweep/space.ts';
import { ranked, type TrialResult } from '../sweep/trial-result.ts';
import { differingPaths, settingOf } from '../sweep/trial-table.ts';
import { showDuration } from './duration.ts';
import { progressBar, progressTitle } from './live.ts';
import { cutTo } from './text-width.ts';
import { showCell, tableLines } from './trials.ts';

type Progress = Extract<SweepEvent, { event: 'stage-progress' }>;

interface KnownTrial {
  readonly trial: number;
  readonly settings: readonly Setting[];
  result?: TrialResult;
  /** Of the stage of its own that is at work. */
  progress?: Progress;
}

/** Lines of progress of stages that several trials share. */
const MOST_SHARED = 3;

export class SweepBoard {
  readonly #trials = new Map<number, KnownTrial>();
  /** The trials of each stage. */
  readonly #owners = new Map<string, number[]>();
  readonly #shared = new Map<string, Progress>();
  readonly #working = new Set<number>();
  #goal: Goal = { stage: '', metric: 'log-loss', direction: 'minimize' };
  #of = 0;
  /** When the first stage of a single trial began to work: from then on the trials' speed can be told. */
  #since: number | undefined;

  /** @param now in milliseconds */
  note(event: SweepEvent, now: number): void {
    switch (event.event) {
      case 'run-started':
        this.#goal = event.goal ?? this.#goal;
        return;
      case 'trial-planned':
        this.#of = event.of;
        this.#trials.set(event.trial, { trial: event.trial, settings: event.settings });
        for (const stage of event.stages) {
          const owners = this.#owners.get(stage);
          if (owners) owners.push(event.trial);
          else this.#owners.set(stage, [event.trial]);
        }
        return;
      case 'stage-progress': {
        const own = this.#ownerOf(event.stage);
        if (!own) this.#shared.set(event.stage, event);
        else {
          this.#since ??= now;
          own.progress = event;
          this.#working.add(own.trial);
        }
        return;
      }
      case 'stage-finished':
        this.#shared.delete(event.stage);
        return;
      case 'trial-finished': {
        const known = this.#trials.get(event.trial);
        if (known) known.result = event;
        this.#working.delete(event.trial);
        return;
      }
      default:
    }
  }

  /** The one trial that a stage belongs to. */
  #ownerOf(stage: string): KnownTrial | undefined {
    const owners = this.#owners.get(stage) ?? [];
    const [only] = owners;
    return owners.length === 1 && only !== undefined ? this.#trials.get(only) : undefined;
  }

  /** At most `height` lines of at most `width` columns. */
  lines(width: number, height: number, now: number): readonly string[] {
    const shared = [...this.#shared.values()].slice(-MOST_SHARED).map((progress) => `  ${progressTitle(progress)}`);
    const room = Math.max(2, height - shared.length - 2);
    const known = [...this.#trials.values()];
    const results = known.flatMap(({ result }) => (result ? [result] : []));
    const working = [...this.#working].flatMap((trial) => this.#trials.get(trial) ?? []).slice(0, Math.ceil(room / 2));
    const best = ranked(results).slice(0, room - working.length);
    const paths = differingPaths(known);
    const metric = `${this.#goal.stage}.${this.#goal.metric}`;
    const rows = [
      ['rank', 'trial', ...paths, metric, 'progress'],
      ...best.map((result, i) => [
        Number.isNaN(result.score) ? '–' : String(i + 1),
        String(result.trial),
        ...paths.map((path) => showCell(settingOf(result, path))),
        showCell(result.metrics[this.#goal.metric] ?? null),
        result.status,
      ]),
      ...working.map((trial) => [
        '',
        String(trial.trial),
        ...paths.map((path) => showCell(settingOf(trial, path))),
        '',
        trial.progress ? workWords(trial.progress) : '',
      ]),
    ];
    const table = rows.length > 1 ? tableLines(rows) : [];
    return [...shared.map(escapeForTerminal), ...table, `  ${this.#closing(results, now)}`].map((line) =>
      cutTo(line, width),
    );
  }

  /** `4 of 12 trials · 1 failed · about 25 s left` */
  #closing(results: readonly TrialResult[], now: number): string {
    const failed = results.filter(({ status }) => status === 'failed').length;
    const left = this.#leftMs(results, now);
    return [
      `${results.length} of ${this.#of} trials`,
      ...(failed > 0 ? [`${failed} failed`] : []),
      ...(left === undefined ? [] : [`about ${showDuration(left)} left`]),
    ].join(' · ');
  }

  /** By the speed so far, the trials at work counted by the part that is done. */
  #leftMs(results: readonly TrialResult[], now: number): number | undefined {
    const parts = [...this.#working].map((trial) => partDone(this.#trials.get(trial)?.progress));
    const atWork = parts.reduce((sum, part) => sum + part, 0);
    const made = results.filter(({ status }) => status !== 'cached').length + atWork;
    if (this.#since === undefined || made <= 0) return undefined;
    const left = this.#of - results.length - atWork;
    return left > 0 ? ((now - this.#since) / made) * left : undefined;
  }
}

function partDone(progress: Progress | undefined): number {
  return progress && progress.total > 0 ? Math.min(1, progress.done / progress.total) : 0;
}

/** `████░░░░ epoch 3 of 20 · 2.1 s left` */
function workWords({ done, total, rate, note }: Progress): string {
  const left = rate > 0 && done < total ? ` · ${showDuration(((total - done) / rate) * 1000)} left` : '';
  return `${progressBar(done, total, 8)}${note ? ` ${note}` : ''}${left}`;
}
