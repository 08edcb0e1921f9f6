/** A located problem, as a value. Everything that can go wrong in an expected way ends as one of these. */
import type { ExitCode } from './codes/code.ts';
import { codes, type DiagnosticCode } from './codes/index.ts';

export type { ExitCode } from './codes/code.ts';
export type { DiagnosticCode } from './codes/index.ts';

/** A place in a text file; lines and columns count from 1, columns in UTF-16 units. */
export interface Location {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** One past the last column of the marked span, on the same line. */
  readonly endColumn?: number;
}

export interface Diagnostic {
  readonly code: DiagnosticCode;
  readonly severity: 'error' | 'warning';
  /** What is wrong, in one sentence without a full stop. */
  readonly message: string;
  readonly location?: Location;
  /** Other places that take part, each with its own word. */
  readonly related?: readonly { readonly message: string; readonly location: Location }[];
  /** The way out. */
  readonly help?: string;
}

export interface DiagnosticParts {
  readonly location?: Location | undefined;
  readonly help?: string | undefined;
  readonly related?: Diagnostic['related'] | undefined;
}

export function problem(code: DiagnosticCode, message: string, parts: DiagnosticParts = {}): Diagnostic {
  return { ...partsOf(parts), code, severity: 'error', message };
}

export function warning(code: DiagnosticCode, message: string, parts: DiagnosticParts = {}): Diagnostic {
  return { ...partsOf(parts), code, severity: 'warning', message };
}

function partsOf({ location, help, related }: DiagnosticParts) {
  return { ...(location && { location }), ...(help && { help }), ...(related && { related }) };
}

export function exitCodeOf(diagnostic: Diagnostic): ExitCode {
  return codes[diagnostic.code].exit;
}
