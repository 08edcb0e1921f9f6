import { createHash, hash } from 'node:crypto';
import { canonicalJson, type Json } from './json.ts';

declare const brand: unique symbol;
/** SHA-256 of bytes, 64 hexadecimal digits. */
export type Digest = string & { readonly [brand]: 'digest' };
/** SHA-256 of all that decides a stage's artifacts, 64 hexadecimal digits. */
export type Fingerprint = string & { readonly [brand]: 'fingerprint' };

export function digestOf(bytes: Uint8Array | string): Digest {
  return parseDigest(hash('sha256', bytes, 'hex'));
}

function isDigest(text: string): text is Digest {
  return /^[0-9a-f]{64}$/.test(text);
}

function isFingerprint(text: string): text is Fingerprint {
  return /^[0-9a-f]{64}$/.test(text);
}

/** Reads a digest from stored text. @throws TypeError when it is not 64 hexadecimal digits. */
export function parseDigest(text: string): Digest {
  if (!isDigest(text)) throw new TypeError(`not a SHA-256 digest: ${text.slice(0, 80)}`);
  return text;
}

/**
 * Hash of a JSON record under a purpose. The purpose comes first, so that two kinds of hash can never collide
 * (the idea of redun's tagged hashes).
 */
export function taggedDigest(purpose: string, record: Json): Digest {
  return parseDigest(createHash('sha256').update(`${purpose}\n`).update(canonicalJson(record)).digest('hex'));
}

/** The fingerprint of a stage: see `plan/fingerprint.ts` for the record. */
export function fingerprintOf(record: Json): Fingerprint {
  return parseFingerprint(taggedDigest('stage', record));
}

/** Reads a fingerprint from stored text. @throws TypeError when it is not 64 hexadecimal digits. */
export function parseFingerprint(text: string): Fingerprint {
  if (!isFingerprint(text)) throw new TypeError(`not a fingerprint: ${text.slice(0, 80)}`);
  return text;
}
