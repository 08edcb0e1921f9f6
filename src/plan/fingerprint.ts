/**
 * The fingerprint of a stage: a hash over a documented record of all that decides its artifacts. Not in it: the stage's
 * name, the file's path, the host, the clock, the tool's version, the engine, the number of workers.
 */
import { createHmac } from 'node:crypto';
import { type Fingerprint, fingerprintOf } from '../base/digest.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import type { StageKind } from '../stages/stage-kind.ts';

/** What is hashed. Kept in the cache entry and the run record, so that `why` can compare two of them key by key. */
export interface FingerprintRecord extends JsonObject {
  readonly kind: string;
  readonly version: number;
  /** Completed params without output paths; or, for kinds that look at files, what they found there. */
  readonly with: Json;
  /** Present for kinds that draw. */
  readonly seed: number | null;
  /** Port to `<fingerprint of the stage behind it>/<artifact>`. */
  readonly inputs: JsonObject;
}

export interface FingerprintParts {
  readonly kind: StageKind;
  /** Completed params as JSON, or a resolve's identity. */
  readonly identity: Json;
  readonly seed: number;
  readonly inputs: Readonly<Record<string, { readonly fingerprint: Fingerprint; readonly artifact: string }>>;
  /** Values that came from the environment, by variable name: shown as the name, hashed with a secret. */
  readonly environment: ReadonlyMap<string, Json>;
  readonly secret: string;
}

export function fingerprintRecord(parts: FingerprintParts): FingerprintRecord {
  const inputs: Record<string, Json> = {};
  for (const [port, input] of Object.entries(parts.inputs)) inputs[port] = `${input.fingerprint}/${input.artifact}`;
  return {
    kind: parts.kind.kind,
    version: parts.kind.version,
    with: hideEnvironment(withoutOutputs(parts.identity, parts.kind.outputParams ?? []), parts),
    seed: parts.kind.draws ? parts.seed : null,
    inputs,
  };
}

export function fingerprintOfRecord(record: FingerprintRecord): Fingerprint {
  return fingerprintOf(record);
}

function withoutOutputs(identity: Json, outputs: readonly string[]): Json {
  if (outputs.length === 0 || !isJsonObject(identity)) return identity;
  return Object.fromEntries(Object.entries(identity).filter(([key]) => !outputs.includes(key)));
}

/** Every scalar that equals a value from the environment is replaced by the variable's name and a keyed hash of the value. */
function hideEnvironment(value: Json, parts: FingerprintParts): Json {
  if (parts.environment.size === 0) return value;
  if (isJsonArray(value)) return value.map((item) => hideEnvironment(item, parts));
  if (isJsonObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, hideEnvironment(item, parts)]));
  }
  for (const [name, secretValue] of parts.environment) {
    if (value === secretValue) return { env: name, keyed: keyedHash(parts.secret, value) };
  }
  return value;
}

function keyedHash(secret: string, value: Json): string {
  return createHmac('sha256', secret).update(JSON.stringify(value)).digest('hex').slice(0, 32);
}
