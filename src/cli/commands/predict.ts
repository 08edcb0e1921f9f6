import { readFileSync } from 'node:fs';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { escapeForTerminal } from '../../base/escape.ts';
import { csvCell, shortestFloat32 } from '../../files/csv-cell.ts';
import { diagnosticFrame } from '../../report/diagnostic-frame.ts';
import { showCount } from '../../report/duration.ts';
import { flatDiagnostic } from '../../report/json-lines.ts';
import { failWith, type GlobalOptions, paint, print, printError } from '../output.ts';
import { type Prediction, type PredictionSink, predictImages, type Skipped } from '../predict/predict-images.ts';
import { listenForSignals, runOptionsOf } from './run.ts';

/** Classifies images with a trained model: a table, CSV or JSON, a row as soon as it is known. */
export async function predict(address: string, paths: readonly string[], options: GlobalOptions): Promise<number> {
  const top = Number(options['top'] ?? 1);
  if (!Number.isInteger(top) || top < 1)
    return failWith([problem('U001', `--top takes a whole number from 1 on, not ${String(options['top'])}`)], options);
  const text = (name: string) => (typeof options[name] === 'string' ? String(options[name]) : undefined);
  const printer = printerOf(options, top);
  const interruption = listenForSignals();
  const warn = (diagnostic: Diagnostic) => printError(`${diagnosticFrame(diagnostic)}\n`);
  const done = await predictImages(
    address,
    paths,
    {
      ...runOptionsOf(options),
      stage: text('stage'),
      images: text('images'),
      list: () => Promise.resolve(readFileSync(0, 'utf8')),
      signal: interruption.signal,
      warn,
      progress: noted(options),
    },
    printer,
  );
  interruption.stop();
  if (!done.ok) {
    if (done.error === 'interrupted') return Number(interruption.signal.reason ?? 130);
    return printer.fail(done.error);
  }
  const { answered, skipped } = done.value;
  printer.end(skipped);
  // Without the ways out, which are those of a pipeline.
  if (!options.json) for (const { diagnostic } of skipped) warn(problem(diagnostic.code, diagnostic.message));
  if (skipped.length > 0 && !options.json)
    printError(`${showCount(skipped.length)} of ${showCount(answered + skipped.length)} images were left out\n`);
  return skipped.length > 0 ? 4 : 0;
}

interface Printer extends PredictionSink {
  end(skipped: readonly Skipped[]): void;
  fail(diagnostics: readonly Diagnostic[]): number;
}

function printerOf(options: GlobalOptions, top: number): Printer {
  const fail = (diagnostics: readonly Diagnostic[]) => failWith(diagnostics, options);
  if (options.json) return jsonPrinter(options, top);
  if (options['csv'] === true) return { ...csvPrinter(top, options['probabilities'] === true), end() {}, fail };
  return { ...tablePrinter(top), end() {}, fail };
}

interface Ranked {
  readonly label: string;
  readonly probability: number;
}

/** The likeliest classes, the first of equally likely ones before the others. */
function ranked({ probabilities }: Prediction, classes: readonly string[], top: number): readonly Ranked[] {
  return classes
    .map((label, c) => ({ label, probability: probabilities[c] ?? 0 }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, top);
}

function tablePrinter(top: number): PredictionSink {
  let classes: readonly string[] = [];
  return {
    begin(_, known) {
      classes = known;
    },
    take(prediction) {
      const [first, ...others] = ranked(prediction, classes, top);
      const show = ({ label, probability }: Ranked) => `${escapeForTerminal(label)} ${percent(probability)}`;
      const rest = others.length > 0 ? paint('dim', `  ${others.map(show).join('  ')}`) : '';
      print(`  ${escapeForTerminal(prediction.name)}  ${first ? paint('bold', show(first)) : ''}${rest}\n`);
    },
  };
}

function percent(probability: number): string {
  return `${(probability * 100).toFixed(1)} %`;
}

/** `filename,label,probability`, then `label2,probability2` and so on, or a column `p:<class>` a class. */
function csvPrinter(top: number, all: boolean): PredictionSink {
  let classes: readonly string[] = [];
  return {
    begin(_, known) {
      classes = known;
      const others = Array.from({ length: Math.min(top, known.length) - 1 }, (_, i) => [
        `label${i + 2}`,
        `probability${i + 2}`,
      ]);
      const columns = ['filename', 'label', 'probability', ...others.flat()];
      print(`${[...columns, ...(all ? known.map((name) => `p:${name}`) : [])].map(csvCell).join(',')}\n`);
    },
    take(prediction) {
      const best = ranked(prediction, classes, top).flatMap(({ label, probability }) => [
        csvCell(label),
        shortestFloat32(probability),
      ]);
      const rest = all ? Array.from(prediction.probabilities, shortestFloat32) : [];
      print(`${[csvCell(prediction.name), ...best, ...rest].join(',')}\n`);
    },
  };
}

/** One object, written as it grows: `{"model", "classes", "predictions": […], "skipped": […]}`. */
function jsonPrinter(options: GlobalOptions, top: number): Printer {
  let classes: readonly string[] = [];
  let printed = 0;
  let begun = false;
  const all = options['probabilities'] === true;
  return {
    begin(model, known) {
      classes = known;
      begun = true;
      print(`{"model":${JSON.stringify(model)},"classes":${JSON.stringify(known)},"predictions":[`);
    },
    take(prediction) {
      const best = ranked(prediction, classes, top).map(({ label, probability }) => ({
        label,
        probability: Number(shortestFloat32(probability)),
      }));
      const row = {
        file: prediction.name,
        ...best[0],
        ...(top > 1 && { top: best }),
        ...(all && { probabilities: Array.from(prediction.probabilities, (p) => Number(shortestFloat32(p))) }),
      };
      print(`${printed++ === 0 ? '' : ','}\n${JSON.stringify(row)}`);
    },
    end(skipped) {
      const rows = skipped.map(({ name, diagnostic: { code, message } }) => ({ file: name, code, message }));
      print(`],"skipped":${JSON.stringify(rows)}}\n`);
    },
    fail(diagnostics) {
      if (!begun) return failWith(diagnostics, options);
      print(`],"diagnostics":${JSON.stringify(diagnostics.map(flatDiagnostic))}}\n`);
      return failWith(diagnostics, { ...options, json: false });
    },
  };
}

/** Says once what is waited for, such as a download. */
function noted(options: GlobalOptions): (done: number, total: number, note?: string) => void {
  let told: string | undefined;
  return (_, __, note) => {
    if (note === undefined || note === told || options.quiet) return;
    told = note;
    printError(`  ${escapeForTerminal(note)}\n`);
  };
}
