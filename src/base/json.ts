/** A JSON value: what pipeline files, fingerprint inputs and cache entries are made of. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * RFC 8785 (JSON Canonicalization Scheme): keys sorted by UTF-16 code unit, numbers as ECMAScript prints them, `-0` as `0`.
 * Locked by the vectors in `json.test.ts`, since every fingerprint hangs on it.
 * @throws TypeError on NaN, infinities and lone surrogates: a caller must have refused those with a diagnostic.
 */
export function canonicalJson(value: Json): string {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`not a JSON number: ${value}`);
    return JSON.stringify(value);
  }
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new TypeError('a string with a lone surrogate has no canonical JSON');
    return JSON.stringify(value);
  }
  if (value === null || typeof value === 'boolean') return String(value);
  // Put together piece by piece: plans of large sweeps spend a good part of their time here.
  let text = '';
  if (isJsonArray(value)) {
    for (const item of value) text += `${text === '' ? '' : ','}${canonicalJson(item)}`;
    return `[${text}]`;
  }
  for (const key of Object.keys(value).sort())
    text += `${text === '' ? '' : ','}${canonicalJson(key)}:${canonicalJson(value[key] ?? null)}`;
  return `{${text}}`;
}

/** `Array.isArray` that narrows a readonly array. */
export function isJsonArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
