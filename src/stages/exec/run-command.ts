/** Runs a program in a process group of its own, keeps the end of what it writes, and leaves nothing of it behind. */

export interface CommandOptions {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onLine: (line: string) => void;
}

export type CommandEnd =
  | { readonly end: 'exited'; readonly exitCode: number; readonly log: string }
  | { readonly end: 'killed'; readonly signal: string; readonly log: string }
  | { readonly end: 'timed-out'; readonly log: string }
  | { readonly end: 'aborted' }
  | { readonly end: 'not-started'; readonly errno: string };

/** Bytes of output that are kept: the last ones. */
const LOG_BYTES = 65_536;
/** Between asking a group to end and ending it. */
const GRACE_MS = 2000;
/** What a descendant outside of the group may still hold open is not waited for longer than this. */
const DRAIN_MS = 1000;

export async function runCommand(
  [program = '', ...args]: readonly string[],
  options: CommandOptions,
): Promise<CommandEnd> {
  const { execa } = await import('execa');
  const { folder, environment, timeoutMs, signal, onLine } = options;
  if (signal.aborted) return { end: 'aborted' };
  const child = execa(program, args, {
    cwd: folder,
    env: { ...environment },
    stdin: 'ignore',
    buffer: false,
    reject: false,
    // A group of its own, so that all its descendants can be ended together.
    detached: true,
    cleanup: false,
  });
  const log = new LogTail(onLine);
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => log.add(chunk));
  const { pid } = child;
  const endGroup = (kill: NodeJS.Signals) => pid !== undefined && signalGroup(pid, kill);
  let timedOut = false;
  let killTimer: NodeJS.Timeout | undefined;
  const stop = () => {
    endGroup('SIGTERM');
    killTimer = setTimeout(() => endGroup('SIGKILL'), GRACE_MS);
  };
  const expire = () => {
    timedOut = true;
    stop();
  };
  const timeout = timeoutMs > 0 ? setTimeout(expire, timeoutMs) : undefined;
  signal.addEventListener('abort', stop, { once: true });
  let drainTimer: NodeJS.Timeout | undefined;
  child.once('exit', () => {
    endGroup('SIGKILL');
    drainTimer = setTimeout(() => {
      child.stdout.destroy();
      child.stderr.destroy();
    }, DRAIN_MS);
  });
  try {
    const result = await child;
    if (signal.aborted) return { end: 'aborted' };
    if (timedOut) return { end: 'timed-out', log: log.text };
    if (result.signal) return { end: 'killed', signal: result.signal, log: log.text };
    if (result.exitCode === undefined) return { end: 'not-started', errno: result.code ?? 'unknown error' };
    return { end: 'exited', exitCode: result.exitCode, log: log.text };
  } finally {
    for (const timer of [timeout, killTimer, drainTimer]) clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

/** The group may be gone already. */
function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nothing is left to end.
  }
}

/** The last bytes of a stream, whatever its length. */
class LogTail {
  readonly #onLine: (line: string) => void;
  #kept = Buffer.alloc(0);

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  add(chunk: Buffer): void {
    this.#kept = Buffer.concat([this.#kept, chunk.subarray(-LOG_BYTES)]).subarray(-LOG_BYTES);
    const line = this.text.trimEnd().split('\n').at(-1);
    if (line) this.#onLine(line.slice(0, 200));
  }

  get text(): string {
    return this.#kept.toString('utf8');
  }
}
