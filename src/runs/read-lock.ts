/** From the text of a lock file to what it says. Whatever the text is, the answer is a value. */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { jsonOf, memberOf } from '../config/located.ts';
import { locate, type SourceText } from '../config/source-text.ts';
import { composerWith } from '../config/tree-memo.ts';
import type { Memo } from '../files/memo.ts';
import { LOCK_FORMAT, type LockedStage, type LockFile } from './lock-file.ts';

const AGAIN = 'settle the pipeline file, then run the pipeline: the lock is written anew';

/** `source.shown` names the file in messages. The memo spares the YAML parser where the text was read before. */
export async function readLock(source: SourceText, memo?: Memo): Promise<Result<LockFile, Diagnostic>> {
  const marker = /^(<{7}|={7}|>{7}|\|{7})(?= |\r?$)/m.exec(source.text);
  if (marker) {
    const location = locate({ source, start: marker.index, end: marker.index + 7 });
    return err(problem('L005', `${source.shown} has conflict markers of a merge`, { location, help: AGAIN }));
  }
  const { node, problems } = await composerWith(memo)(source);
  const [trouble] = problems;
  const damaged = (message: string, location = trouble?.location) =>
    err(
      problem('L003', `${source.shown} is damaged: ${message}`, {
        location,
        help: 'run the pipeline: the lock is written anew',
      }),
    );
  if (trouble) return damaged(trouble.message);
  if (node?.type !== 'map') return damaged('it holds no map');
  const format = memberOf(node, 'lock');
  if (format?.type === 'scalar' && typeof format.value === 'number' && format.value > LOCK_FORMAT)
    return err(
      problem(
        'L004',
        `${source.shown} is from a newer version of pipe (format ${format.value}, this one knows ${LOCK_FORMAT})`,
        {
          location: locate(format.place),
          help: 'update pipe',
        },
      ),
    );
  const lock = lockIn(jsonOf(node));
  if (typeof lock !== 'string') return ok(lock);
  return damaged(lock, locate(node.place));
}

/** The lock, or what is wrong with it. */
function lockIn(json: Json): LockFile | string {
  if (!isJsonObject(json) || json['lock'] !== LOCK_FORMAT) return '`lock:` does not say its format';
  const { pipeline, overrides = {}, stages } = json;
  if (typeof pipeline !== 'string') return '`pipeline:` is missing';
  if (!isJsonObject(overrides)) return '`overrides:` is not a map';
  if (stages === null) return { pipeline, overrides, stages: new Map() };
  if (!isJsonObject(stages)) return '`stages:` is missing';
  const read = Object.entries(stages).map(([name, stage]) => [name, stageIn(stage)] as const);
  const known = read.flatMap(([name, stage]) => (stage ? [[name, stage] as const] : []));
  const bad = read.find(([, stage]) => !stage);
  return bad ? `stage ${bad[0]} is not complete` : { pipeline, overrides, stages: new Map(known) };
}

function stageIn(json: Json): LockedStage | undefined {
  if (!isJsonObject(json)) return undefined;
  const { kind, version, fingerprint, seed = null, weights = null, engine = null } = json;
  const from = textsIn(json['from']);
  const data = textsIn(json['data']);
  const counts = numbersIn(json['counts']);
  const metrics = numbersIn(json['metrics']);
  if (typeof kind !== 'string' || typeof version !== 'number' || typeof fingerprint !== 'string') return undefined;
  if (!isTextOrNull(weights) || !isTextOrNull(engine) || !(seed === null || typeof seed === 'number')) return undefined;
  if (!from || !data || !counts || !metrics) return undefined;
  return { kind, version, fingerprint, seed, from, with: json['with'] ?? {}, data, weights, counts, engine, metrics };
}

function isTextOrNull(value: Json): value is string | null {
  return value === null || typeof value === 'string';
}

function textsIn(value: Json = {}): Readonly<Record<string, string>> | undefined {
  if (!isMap(value)) return undefined;
  const entries = Object.entries(value).flatMap(([key, text]) =>
    typeof text === 'string' ? [[key, text] as const] : [],
  );
  return entries.length === Object.keys(value).length ? Object.fromEntries(entries) : undefined;
}

const NUMBERS: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

function numbersIn(value: Json = {}): Readonly<Record<string, number>> | undefined {
  if (!isMap(value)) return undefined;
  const entries = Object.entries(value).flatMap(([key, number]) => {
    const read = typeof number === 'string' ? NUMBERS[number] : number;
    return typeof read === 'number' ? [[key, read] as const] : [];
  });
  return entries.length === Object.keys(value).length ? Object.fromEntries(entries) : undefined;
}

function isMap(value: Json): value is JsonObject {
  return isJsonObject(value) && !isJsonArray(value);
}
