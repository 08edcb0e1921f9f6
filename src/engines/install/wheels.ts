/** Parts of Python's packages: only shared libraries and headers are of use here, so any Python's wheel will do. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { runTool } from './tools.ts';

/** For which Python wheels are asked: the libraries inside are the same for all, and the user's own may be too new or too old. */
const PYTHON = '3.12';

export interface WheelTools {
  readonly python: string;
  readonly signal?: AbortSignal | undefined;
}

/** Downloads one wheel into a folder of its own. @param requirement such as `tensorflow-cpu==2.21.0` @returns its path */
export async function downloadWheel(
  requirement: string,
  folder: string,
  tools: WheelTools,
): Promise<Result<string, Diagnostic>> {
  const wheels = await download(['--no-deps', requirement], folder, tools);
  if (!wheels.ok) return wheels;
  const [wheel] = wheels.value;
  return wheel === undefined ? err(problem('E005', `pip has downloaded no wheel for ${requirement}`)) : ok(wheel);
}

async function download(
  asked: readonly string[],
  folder: string,
  { python, signal }: WheelTools,
): Promise<Result<readonly string[], Diagnostic>> {
  const options = ['--only-binary=:all:', '--python-version', PYTHON, '--disable-pip-version-check'];
  const run = await runTool(python, ['-m', 'pip', 'download', '-q', ...options, '-d', folder, ...asked], { signal });
  if (!run.ok) return run;
  const names = readdirSync(folder).filter((name) => name.endsWith('.whl'));
  return ok(names.map((name) => join(folder, name)));
}

/** What of a wheel goes where: members whose names begin with `from` land below `to`, under the rest of their names. */
export interface Part {
  readonly from: string;
  readonly to: string;
}

/** Reads the arguments wheel, then from and to in turn. Prints how many files were written; refuses names that leave their folder. */
const UNPACK = `
import os, shutil, sys, zipfile
wheel, pairs = sys.argv[1], list(zip(sys.argv[2::2], sys.argv[3::2]))
count = 0
with zipfile.ZipFile(wheel) as archive:
    for member in archive.infolist():
        for start, target in pairs:
            if member.is_dir() or not member.filename.startswith(start):
                continue
            path = os.path.normpath(target + member.filename[len(start):])
            if not path.startswith(os.path.normpath(os.path.dirname(target))):
                sys.exit('a member of the wheel leaves its folder: ' + member.filename)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with archive.open(member) as source, open(path, 'wb') as sink:
                shutil.copyfileobj(source, sink, 1 << 22)
            if '/bin/' in member.filename:
                os.chmod(path, 0o755)
            count += 1
            break
print(count)
`;

/** Unpacks parts of a wheel, then removes it. */
export async function unpackWheel(
  wheel: string,
  parts: readonly Part[],
  { python, signal }: WheelTools,
): Promise<Result<void, Diagnostic>> {
  const run = await runTool(python, ['-c', UNPACK, wheel, ...parts.flatMap(({ from, to }) => [from, to])], { signal });
  if (!run.ok) return run;
  rmSync(wheel);
  return Number(run.value) > 0
    ? ok(undefined)
    : err(problem('E005', `the wheel ${wheel} holds nothing of ${parts.map(({ from }) => from).join(', ')}`));
}

const REQUIREMENTS = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    name = next(n for n in archive.namelist() if n.endswith('.dist-info/METADATA'))
    for line in archive.read(name).decode().splitlines():
        if line.startswith('Requires-Dist: nvidia'):
            print(line.split(':', 1)[1].split(';')[0].strip().replace(' ', ''))
`;

/** The packages of CUDA's libraries that a wheel names among its extras, each with its range of versions. */
export async function nvidiaRequirements(
  wheel: string,
  { python, signal }: WheelTools,
): Promise<Result<readonly string[], Diagnostic>> {
  const run = await runTool(python, ['-c', REQUIREMENTS, wheel], { signal });
  return run.ok ? ok([...new Set(run.value.split('\n').filter(Boolean))]) : run;
}

/**
 * Puts CUDA's libraries, and those that they in turn want, below `folder`: `<folder>/cublas/lib/…` and so on.
 * @param temporary a folder that is not there yet
 */
export async function installNvidia(
  requirements: readonly string[],
  folder: string,
  temporary: string,
  tools: WheelTools,
): Promise<Result<void, Diagnostic>> {
  const wheels = await download(requirements, temporary, tools);
  if (!wheels.ok) return wheels;
  for (const wheel of wheels.value) {
    const unpacked = await unpackWheel(wheel, [{ from: 'nvidia/', to: `${folder}/` }], tools);
    if (!unpacked.ok) return unpacked;
  }
  return ok(undefined);
}
