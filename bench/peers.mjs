// Other libraries doing the same work, as Python processes that run it once for a line on stdin.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from './project.mjs';

/**
 * Opens the peers of a case, each in the first Python of `--peers` that has its library.
 * @param subject what they are measured at, for the rows of those that are not there
 * @param {Record<string, readonly string[]>} wanted by name: the words for peers/main.py
 * @returns `open`: by name, `run` gives the seconds of one run; `absent`: rows for those that no Python has, none without `--peers`
 */
export async function openPeers({ peers: pythons }, subject, wanted) {
  const open = {};
  const absent = [];
  for (const [name, words] of Object.entries(pythons.length > 0 ? wanted : {})) {
    const reasons = [];
    for (const python of pythons) {
      const peer = await start(python, words);
      if (peer.run) {
        open[name] = peer;
        break;
      }
      reasons.push(peer.reason);
    }
    if (!open[name])
      absent.push({ what: `${subject}: ${name}`, notRun: `no peer: ${[...new Set(reasons)].join(', ')}` });
  }
  return {
    /** By name: `title` with the version, `run`. */
    open,
    absent,
    close() {
      for (const peer of Object.values(open)) peer.close();
    },
  };
}

/**
 * Peers as alternatives to be timed, by title.
 * @param units images or steps of a run: the figure is milliseconds of one
 */
export function asAlternatives({ open }, units) {
  return Object.fromEntries(
    Object.values(open).map((peer) => [peer.title, async () => ((await peer.run()) * 1000) / units]),
  );
}

async function start(python, words) {
  const child = spawn(python, [join(root, 'bench', 'peers', 'main.py'), ...words], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
  });
  const failed = new Promise((settle) => child.once('error', (error) => settle({ reason: error.message })));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { reason, title } = await Promise.race([introduction(lines), failed]);
  if (title === undefined) return { reason };
  return {
    /** What computes, with its version. */
    title,
    async run() {
      child.stdin.write('\n');
      const { value: seconds } = await lines.next();
      if (seconds === undefined) throw new Error(`${words.join(' ')}: its process ended`);
      return Number(seconds);
    },
    close: () => child.stdin.end(),
  };
}

/** The first line that is meant for us: libraries may greet before. */
async function introduction(lines) {
  for (;;) {
    const { value, done } = await lines.next();
    if (done) return { reason: 'its process ended' };
    const [, state, rest] = /^(ready|absent) (.*)$/.exec(value) ?? [];
    if (state === 'ready') return { title: rest };
    if (state === 'absent') return { reason: rest };
  }
}
