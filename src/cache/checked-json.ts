/**
 * JSON files that carry the SHA-256 of their own content: `{"format":1,"digest":"…","content":…}` and a line feed. Fixed places,
 * so that a check needs one hash and no parsing.
 */
import { hash } from 'node:crypto';

export const JSON_FORMAT = 1;
const OPENING = /^\{"format":(\d+),/;
const PREFIX = /^\{"format":1,"digest":"([0-9a-f]{64})","content":$/;
const PREFIX_LENGTH = '{"format":1,"digest":"","content":'.length + 64;
const END = '}\n';
/** `{`: what every checked file starts with. */
export const FIRST_BYTE = 0x7b;

export function encodeChecked(content: object): string {
  const body = JSON.stringify(content);
  return `{"format":${JSON_FORMAT},"digest":"${hash('sha256', body, 'hex')}","content":${body}${END}`;
}

/** The content as JSON text, checked; `newer` where a later version of the tool wrote the file. */
export function decodeChecked(bytes: Buffer): { readonly body: string } | 'newer' | 'damaged' {
  const start = bytes.toString('latin1', 0, PREFIX_LENGTH);
  if (Number(OPENING.exec(start)?.[1] ?? 0) > JSON_FORMAT) return 'newer';
  const expected = PREFIX.exec(start)?.[1];
  if (expected === undefined || bytes.toString('latin1', bytes.length - END.length) !== END) return 'damaged';
  const body = bytes.subarray(PREFIX_LENGTH, -END.length);
  return hash('sha256', body, 'hex') === expected ? { body: body.toString('utf8') } : 'damaged';
}
