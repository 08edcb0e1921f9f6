/**
 * Cache entries: fingerprint to manifest, `<cache>/entries/ab/<fingerprint>.json`. Written after the blobs that they name,
 * so an entry is a promise that these were complete; carries a checksum of its own text.
 */
import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Digest, digestOf, type Fingerprint, parseFingerprint } from '../base/digest.ts';
import type { Json } from '../base/json.ts';
import type { Producer } from '../engines/engine.ts';
import { writeFileAtomically } from '../files/atomic-file.ts';
import type { BlobStore } from './blob-store.ts';
import type { Quarantine } from './quarantine.ts';

export interface CacheEntry {
  readonly format: 1;
  readonly fingerprint: Fingerprint;
  readonly kind: string;
  readonly version: number;
  /** The fingerprint's record: what `why` compares. */
  readonly input: Json;
  /** Artifacts by name; `stages/artifacts.ts` has their types. */
  readonly artifacts: Readonly<Record<string, unknown>>;
  /** Blobs that the artifacts name. */
  readonly blobs: readonly Digest[];
  readonly rowSpace?: Digest;
  readonly rows?: { readonly total: number; readonly computed: number; readonly cached: number };
  readonly producer?: Producer;
  readonly durationMs: number;
  /** ISO time, for people and for collection; in no key. */
  readonly createdAt: string;
}

const DAY_MS = 86_400_000;

export class EntryStore {
  readonly #folder: string;
  readonly #blobs: BlobStore;
  readonly #quarantine: Quarantine;

  constructor(folder: string, blobs: BlobStore, quarantine: Quarantine) {
    this.#folder = folder;
    this.#blobs = blobs;
    this.#quarantine = quarantine;
  }

  /** The entry, or undefined: absent, damaged (then set aside), of a newer format, or with a blob missing. */
  read(fingerprint: Fingerprint): CacheEntry | undefined {
    const path = this.path(fingerprint);
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch {
      return undefined;
    }
    const entry = parseEntry(text);
    if (!entry || entry.fingerprint !== fingerprint) {
      this.#quarantine.setAside(path, `cache entry ${fingerprint.slice(0, 12)} is damaged`);
      return undefined;
    }
    if (entry.format !== 1) return undefined;
    return entry.blobs.every((blob) => this.#blobs.has(blob)) ? entry : undefined;
  }

  /** Publishes an entry. @throws CacheWriteError when the disk refuses. */
  commit(entry: CacheEntry): void {
    writeFileAtomically(this.path(entry.fingerprint), formatEntry(entry));
  }

  remove(fingerprint: Fingerprint): void {
    try {
      rmSync(this.path(fingerprint), { force: true });
    } catch {
      // A read-only cache keeps it; the run goes on with what it computes.
    }
  }

  /** Marks an entry as used, at most once a day, for collection by age. */
  touch(fingerprint: Fingerprint): void {
    const now = Date.now();
    try {
      if (now - statSync(this.path(fingerprint)).mtimeMs > DAY_MS) utimesSync(this.path(fingerprint), now / 1000, now / 1000);
    } catch {
      // Another user's file, or a read-only cache: age is then counted from the last touch that worked.
    }
  }

  /** Fingerprints of all entries, in order. */
  list(): readonly Fingerprint[] {
    if (!existsSync(this.#folder)) return [];
    return readdirSync(this.#folder, { recursive: true })
      .map((name) => /([0-9a-f]{64})\.json$/.exec(String(name))?.[1])
      .flatMap((name) => (name === undefined ? [] : [parseFingerprint(name)]))
      .sort();
  }

  path(fingerprint: Fingerprint): string {
    return join(this.#folder, fingerprint.slice(0, 2), `${fingerprint}.json`);
  }
}

/** The entry as one line of JSON after a line with its SHA-256. */
function formatEntry(entry: CacheEntry): string {
  const json = JSON.stringify(entry);
  return `${digestOf(json)}\n${json}\n`;
}

function parseEntry(text: string): CacheEntry | undefined {
  const end = text.indexOf('\n');
  const json = text.slice(end + 1, -1);
  if (end !== 64 || digestOf(json) !== text.slice(0, 64)) return undefined;
  const entry: CacheEntry = JSON.parse(json);
  return entry;
}
