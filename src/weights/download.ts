/** Downloads one file: streamed, resumed, hashed on the fly, and there only when its hash is right. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import type { Dispatcher } from 'undici';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { Environment } from '../files/project.ts';
import { errnoOf } from '../files/write-error.ts';
import { credentialsFor, MOST_REDIRECTS, nextAddress, proxyFor, proxySettings, showAddress } from './address.ts';
import { type FinishedHashes, PartFile } from './part-file.ts';

export interface Wanted {
  readonly url: string;
  /** Where the file goes. */
  readonly target: string;
  /** How messages call it. */
  readonly name: string;
  readonly bytes: number | undefined;
  readonly hash: { readonly kind: 'md5' | 'sha256'; readonly digest: string } | undefined;
  /** How to get it by other means, where it is no file of weights. */
  readonly otherwise?: string;
}

export interface DownloadOptions {
  readonly environment: Environment;
  readonly signal?: AbortSignal | undefined;
  /** Called as bytes arrive; `total` where it is known. */
  readonly progress?: ((done: number, total: number | undefined) => void) | undefined;
  /** Time without a byte after which an attempt is given up. */
  readonly stallMs?: number;
  /** Attempts in a row that bring nothing new. */
  readonly attempts?: number;
  /** Pause before the second attempt, doubled each time. */
  readonly pauseMs?: number;
}

const DEFAULTS = { stallMs: 30_000, attempts: 5, pauseMs: 500 } as const;
const LONGEST_PAUSE_MS = 30_000;

/** What an attempt came to, unless it finished. */
type Trouble =
  /** Worth another attempt. */
  | { readonly again: true; readonly reason: string; readonly stalled: boolean; readonly afterMs?: number }
  | { readonly again: false; readonly diagnostic: Diagnostic };

/** @throws CacheWriteError when the disk refuses, the signal's reason when aborted. */
export async function download(wanted: Wanted, options: DownloadOptions): Promise<Result<FinishedHashes, Diagnostic>> {
  const { EnvHttpProxyAgent } = await import('undici');
  const { stallMs = DEFAULTS.stallMs, attempts = DEFAULTS.attempts, pauseMs = DEFAULTS.pauseMs } = options;
  const proxies = proxySettings(options.environment);
  const agent = new EnvHttpProxyAgent({
    ...given(proxies),
    connect: { timeout: stallMs },
    headersTimeout: stallMs,
    bodyTimeout: stallMs,
  });
  const part = await PartFile.open(wanted.target, showAddress(new URL(wanted.url)));
  let keep = true;
  try {
    let idle = 0;
    while (true) {
      const before = part.length;
      const trouble = await attempt(wanted, part, agent, options);
      if (!trouble) {
        const finished = finish(wanted, part, before > 0);
        if (finished) return finished;
        continue;
      }
      if (!trouble.again) {
        keep = false;
        return err(trouble.diagnostic);
      }
      idle = part.length > before ? 1 : idle + 1;
      if (idle >= attempts) return err(gaveUp(wanted, trouble, attempts, options.environment));
      await sleep(
        trouble.afterMs ?? Math.min(LONGEST_PAUSE_MS, pauseMs * 2 ** (idle - 1)),
        undefined,
        options.signal ? { signal: options.signal } : {},
      );
    }
  } catch (error) {
    // A full disk needs the space; an interrupt does not.
    if (!options.signal?.aborted) keep = false;
    throw error;
  } finally {
    if (keep) part.leave();
    else part.discard();
    await agent.destroy();
  }
}

/** Commits the whole file, or explains; undefined means once more from the start, since the old bytes may be at fault. */
function finish(wanted: Wanted, part: PartFile, resumed: boolean): Result<FinishedHashes, Diagnostic> | undefined {
  const hashes = part.hashes();
  const { hash, name, url } = wanted;
  if (hash && hashes[hash.kind] !== hash.digest) {
    if (resumed) {
      part.restart();
      return undefined;
    }
    part.discard();
    const got = hashes[hash.kind];
    return err(
      problem(
        'M006',
        `${showAddress(new URL(url))} has the wrong checksum: ${hash.kind} ${hash.digest} is wanted, ${got} was got`,
        {
          help: `the server or something on the way gives another file; ${wanted.otherwise ?? `get ${name} elsewhere and run \`pipe weights add FILE\``}`,
        },
      ),
    );
  }
  part.commit();
  return ok(hashes);
}

async function attempt(
  wanted: Wanted,
  part: PartFile,
  agent: Dispatcher,
  options: DownloadOptions,
): Promise<Trouble | undefined> {
  const resumable = part.length > 0 && (wanted.hash !== undefined || part.validator !== undefined);
  if (part.length > 0 && !resumable) part.restart();
  try {
    const opened = await open(wanted, resumable ? part : undefined, agent, options.signal);
    if ('again' in opened) return opened;
    return await receive(opened, wanted, part, options);
  } catch (error) {
    if (options.signal?.aborted) throw options.signal.reason;
    return networkTrouble(error, options);
  }
}

/** Follows redirects up to the response that carries the file. */
async function open(
  wanted: Wanted,
  part: PartFile | undefined,
  agent: Dispatcher,
  signal: AbortSignal | undefined,
): Promise<Dispatcher.ResponseData | Trouble> {
  const { request } = await import('undici');
  const origin = new URL(wanted.url);
  let address = origin;
  for (let hop = 0; ; hop++) {
    const response = await request(withoutUser(address), {
      dispatcher: agent,
      signal: signal ?? null,
      headers: {
        'accept-encoding': 'identity',
        'user-agent': 'transfer-pipe',
        ...credentialsFor(address, origin),
        ...rangeOf(part),
      },
    });
    const location = response.headers['location'];
    if (![301, 302, 303, 307, 308].includes(response.statusCode) || typeof location !== 'string') return response;
    await response.body.dump();
    const next = nextAddress(address, location);
    if (typeof next === 'string') return refused('N003', `${showAddress(address)} ${next}`);
    if (hop + 1 > MOST_REDIRECTS)
      return refused('N003', `${showAddress(origin)} redirects more than ${MOST_REDIRECTS} times`);
    address = next;
  }
}

function rangeOf(part: PartFile | undefined): Readonly<Record<string, string>> {
  if (!part) return {};
  return { range: `bytes=${part.length}-`, ...(part.validator && { 'if-range': part.validator }) };
}

/** Writes the body of a response to the part. */
async function receive(
  response: Dispatcher.ResponseData,
  wanted: Wanted,
  part: PartFile,
  options: DownloadOptions,
): Promise<Trouble | undefined> {
  const { statusCode, headers, body } = response;
  // Giving a body up ends in an error of its own, which is no news.
  body.on('error', () => {});
  const origin = new URL(wanted.url);
  const where = showAddress(origin);
  if (statusCode === 416) {
    await body.dump();
    // The bytes here are those of a longer file than the server's.
    part.restart();
    return { again: true, reason: 'the server has less than was already here', stalled: false };
  }
  if (statusCode !== 200 && statusCode !== 206) {
    await body.dump();
    if (statusCode === 408 || statusCode === 429 || statusCode >= 500) return later(statusCode, headers['retry-after']);
    return refused('N001', `${where} answers with status ${statusCode}`, elsewhere(wanted));
  }
  if (statusCode === 206 && startOf(headers['content-range']) !== part.length) {
    body.destroy();
    part.restart();
    return { again: true, reason: 'the server sent another part than asked for', stalled: false };
  }
  // 200 to a Range request: the whole file comes again.
  if (statusCode === 200 && part.length > 0) part.restart();
  const encoding = headers['content-encoding'] ?? 'identity';
  const announced =
    encoding === 'identity' && typeof headers['content-length'] === 'string'
      ? part.length + Number(headers['content-length'])
      : undefined;
  const page = isPage(headers['content-type']);
  if (page || (encoding !== 'identity' && encoding !== 'gzip')) {
    body.destroy();
    return refused(
      'N004',
      page
        ? `${where} gives a web page instead of ${wanted.name}`
        : `${where} gives ${wanted.name} in the encoding ${String(encoding)}`,
      elsewhere(wanted),
    );
  }
  if (wanted.bytes !== undefined && announced !== undefined && announced !== wanted.bytes) {
    body.destroy();
    return refused(
      'N004',
      `${where} gives a file of ${announced} bytes; ${wanted.name} has ${wanted.bytes}`,
      elsewhere(wanted),
    );
  }
  const etag = headers['etag'];
  part.remember(where, typeof etag === 'string' && encoding === 'identity' ? etag : undefined);
  const stream = encoding === 'gzip' ? body.pipe(createGunzip()) : body;
  body.on('error', (error) => stream.destroy(error));
  const total = wanted.bytes ?? announced;
  for await (const chunk of stream) {
    if (!(chunk instanceof Uint8Array)) throw new Error('a stream of something else than bytes');
    if (part.length === 0 && looksLikePage(chunk)) {
      body.destroy();
      return refused('N004', `${where} gives a web page instead of ${wanted.name}`, elsewhere(wanted));
    }
    part.write(chunk);
    if (wanted.bytes !== undefined && part.length > wanted.bytes) {
      body.destroy();
      return refused('N004', `${where} gives more than the ${wanted.bytes} bytes of ${wanted.name}`, elsewhere(wanted));
    }
    options.progress?.(part.length, total);
  }
  if (total !== undefined && part.length < total)
    return { again: true, reason: `it ended after ${part.length} of ${total} bytes`, stalled: false };
  return undefined;
}

function later(status: number, retryAfter: string | string[] | undefined): Trouble {
  const seconds = typeof retryAfter === 'string' && /^\d{1,5}$/.test(retryAfter) ? Number(retryAfter) : undefined;
  const reason = `the server answers with status ${status}`;
  return {
    again: true,
    reason,
    stalled: false,
    ...(seconds !== undefined && { afterMs: Math.min(LONGEST_PAUSE_MS, seconds * 1000) }),
  };
}

function networkTrouble(error: unknown, options: DownloadOptions): Trouble {
  const code = errnoOf(error);
  // A disk that refuses is no matter of the network.
  if (error instanceof Error && error.name === 'CacheWriteError') throw error;
  const stalled =
    code === 'UND_ERR_BODY_TIMEOUT' || code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_CONNECT_TIMEOUT';
  if (stalled)
    return { again: true, reason: `nothing came for ${(options.stallMs ?? DEFAULTS.stallMs) / 1000} s`, stalled: true };
  const detail = error instanceof Error ? (causeOf(error) ?? error.message) : String(error);
  return { again: true, reason: code && !detail.includes(code) ? `${detail} (${code})` : detail, stalled: false };
}

/** The innermost message of a chain of causes: `connect ECONNREFUSED …`. */
function causeOf(error: Error): string | undefined {
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return error.errors[0].message;
  return error.cause instanceof Error ? (causeOf(error.cause) ?? error.cause.message) : undefined;
}

function gaveUp(
  wanted: Wanted,
  trouble: Extract<Trouble, { again: true }>,
  attempts: number,
  environment: Environment,
): Diagnostic {
  const address = new URL(wanted.url);
  const proxy = proxyFor(address, environment);
  const message = `${showAddress(address)} could not be fetched in ${attempts} attempts${proxy ? ` through the proxy ${proxy}` : ''}: ${trouble.reason}`;
  return problem(trouble.stalled ? 'N005' : 'N001', message, { help: elsewhere(wanted) });
}

/** How to get a file by other means. */
export function elsewhere({ name, hash, bytes, url, otherwise }: Omit<Wanted, 'target'>): string {
  if (otherwise !== undefined) return otherwise;
  const size = bytes === undefined ? '' : `, ${bytes} bytes`;
  const check = hash ? `, ${hash.kind} ${hash.digest}` : '';
  return `get ${name} (${showAddress(new URL(url))}${size}${check}) by other means and run \`pipe weights add FILE\`, or set PIPE_WEIGHTS_MIRROR to an address that holds it`;
}

function refused(code: 'N001' | 'N003' | 'N004', message: string, help?: string): Trouble {
  return { again: false, diagnostic: problem(code, message, { help }) };
}

function isPage(type: string | string[] | undefined): boolean {
  return typeof type === 'string' && /^text\/html|^application\/xhtml/i.test(type);
}

/** N9: pages are also sent as something else. */
function looksLikePage(start: Uint8Array): boolean {
  return /^\s*<(!doctype html|html|head|\?xml)/i.test(Buffer.from(start.subarray(0, 200)).toString('latin1'));
}

function startOf(range: string | string[] | undefined): number | undefined {
  const [, start] = (typeof range === 'string' ? /^bytes (\d+)-/.exec(range) : null) ?? [];
  return start === undefined ? undefined : Number(start);
}

function withoutUser(address: URL): URL {
  const plain = new URL(address);
  plain.username = '';
  plain.password = '';
  return plain;
}

/** The members that are set: an agent takes a missing one from the process's own environment. */
function given({ httpProxy, httpsProxy, noProxy }: ReturnType<typeof proxySettings>) {
  return { httpProxy: httpProxy ?? '', httpsProxy: httpsProxy ?? '', noProxy: noProxy ?? '' };
}
