/** Exit codes name the kind of fault. */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 70 | 129 | 130 | 143;

/** One row of the catalogue. */
export interface Code {
  readonly exit: ExitCode;
  /** The fault in a few words. */
  readonly title: string;
  /** Why it happens and what to do, in a sentence or two: the row of `docs/errors.md`. */
  readonly explanation: string;
}

/** Keeps the literal keys while checking each row. */
export function defineCodes<const T extends Record<string, Code>>(rows: T): T {
  return rows;
}
