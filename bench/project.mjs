// Projects in temporary folders, and the built command line run in them as real processes.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const cli = join(root, 'dist', 'cli.cjs');
const made = [];

/** An empty project. */
export function emptyProject() {
  const folder = mkdtempSync(join(tmpdir(), 'pipe-bench-'));
  made.push(folder);
  writeFileSync(join(folder, 'package.json'), '{}');
  return folder;
}

/** The quickstart with a copy of its data. */
export function quickstart() {
  const folder = emptyProject();
  mkdirSync(join(folder, 'pipelines'));
  cpSync(join(root, 'pipelines', 'quickstart.yaml'), join(folder, 'pipelines', 'quickstart.yaml'));
  cpSync(join(root, 'data-examples', 'digits'), join(folder, 'data-examples', 'digits'), { recursive: true });
  return folder;
}

/** Removes the projects of a case, which may hold gigabytes. */
export function removeProjects() {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** Writes a pipeline file of some stages. JSON is YAML. */
export function writePipeline(folder, name, stages) {
  writeFileSync(join(folder, name), JSON.stringify({ stages }));
}

/** Milliseconds of a whole process. */
export function processMs(words, cwd) {
  const started = process.hrtime.bigint();
  const { status, stderr } = spawnSync(process.execPath, words, { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
  if (status !== 0) throw new Error(`${words.join(' ')} ended with ${status}: ${stderr}`);
  return Number(process.hrtime.bigint() - started) / 1e6;
}

/** All events of a command, its last line included. */
export function eventsOf(words, cwd, environment = {}) {
  const { stdout, status, stderr } = spawnSync(process.execPath, [cli, ...words, '--json'], {
    cwd,
    encoding: 'utf8',
    maxBuffer: 1 << 30,
    env: { ...process.env, ...environment },
  });
  if (status !== 0) throw new Error(`pipe ${words.join(' ')} ended with ${status}: ${stderr}${stdout.slice(-2000)}`);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** The last line of `--json`. */
export function lastLine(words, cwd, environment) {
  return eventsOf(words, cwd, environment).at(-1);
}

/** Seconds that one stage of a run took. */
export function stageSeconds(words, cwd, stage, environment) {
  return lastLine(words, cwd, environment).stages[stage].durationMs / 1000;
}

/** MiB that a command held at most, and the last line that it said. */
export function measured(words, cwd) {
  const { stdout, stderr, status } = spawnSync('/usr/bin/time', ['-v', process.execPath, cli, ...words, '--json'], {
    cwd,
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  if (status !== 0) throw new Error(`pipe ${words.join(' ')} ended with ${status}: ${stderr}`);
  const mebibytes = Number(/Maximum resident set size \(kbytes\): (\d+)/.exec(stderr)?.[1]) / 1024;
  return { mebibytes, last: JSON.parse(stdout.trimEnd().split('\n').at(-1)) };
}

export const peakMemory = (words, cwd) => measured(words, cwd).mebibytes;

/** Small PNG files that all differ, with their CSV. */
export async function generatedImages(folder, count) {
  const { default: sharp } = await import('sharp');
  const images = join(folder, 'generated');
  mkdirSync(images);
  const lines = ['filename,label'];
  for (let i = 0; i < count; i++) {
    const pixels = Buffer.alloc(16);
    pixels.writeUInt32LE((i * 2654435761) >>> 0);
    const png = sharp(pixels, { raw: { width: 4, height: 4, channels: 1 } }).png({ compressionLevel: 0 });
    writeFileSync(join(images, `n${i}.png`), await png.toBuffer());
    lines.push(`n${i}.png,${i % 10}`);
  }
  writeFileSync(join(folder, 'generated.csv'), `${lines.join('\n')}\n`);
  return { csv: 'generated.csv', images: 'generated' };
}
