/**
 * tfjs-node against today's TensorFlow. As published its binding wants a library of 2022 and CUDA 11; but it is two C++ files over
 * TensorFlow's C interface, which the library inside the Python wheel still has, and that one finds CUDA 12 when it is there.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { ok, type Result } from '../../base/result.ts';
import type { EagerId } from '../eager/binding.ts';
import type { Manifest } from '../installed.ts';
import { runTool, type Tools } from './tools.ts';
import { downloadWheel, installNvidia, nvidiaRequirements, unpackWheel } from './wheels.ts';

/** Of what is installed. */
export const TFJS_VERSION = '4.22.0';
const TENSORFLOW_VERSION = '2.21.0';
const HEADERS_VERSION = '1.9.0';
/** The newest version of Node's C interface that tfjs-node looks for. */
const NAPI = 8;

/** Folders of headers that the C interface includes. They have moved between TensorFlow's parts over the years. */
const HEADERS = ['tensorflow/', 'tsl/', 'xla/', 'external/local_tsl/', 'external/local_xla/'].flatMap((root) =>
  ['c/', 'core/platform/', 'platform/', 'tsl/c/', 'tsl/platform/'].map((folder) => `${root}${folder}`),
);
const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];

export interface Building {
  readonly tools: Tools;
  readonly signal: AbortSignal | undefined;
  readonly say: (line: string) => void;
}

/** What an installation of this version is made from. */
export function tensorflowManifest(id: EagerId): Manifest {
  return { version: TFJS_VERSION, from: { [tensorflowPackage(id)]: TENSORFLOW_VERSION, napi: String(NAPI) } };
}

/** Fetches, unpacks and compiles into `folder`. The result may be moved: the binding looks for its library beside itself. */
export async function buildTensorflowBinding(
  id: EagerId,
  folder: string,
  { tools, signal, say }: Building,
): Promise<Result<string, Diagnostic>> {
  const library = `${tensorflowPackage(id)}==${TENSORFLOW_VERSION}`;
  say(`fetching @tensorflow/${id} ${TFJS_VERSION} from npm`);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const packages = [`@tensorflow/${id}@${TFJS_VERSION}`, `node-api-headers@${HEADERS_VERSION}`];
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error'];
  const installed = await runTool(tools.npm, ['install', ...quiet, '--prefix', folder, ...packages], {
    folder,
    signal,
  });
  if (!installed.ok) return installed;

  const home = join(folder, 'node_modules', '@tensorflow', id);
  const dependencies = join(home, 'deps');
  const temporary = join(folder, 'wheels');
  mkdirSync(temporary);
  say(`fetching ${library} from PyPI`);
  const wheels = { python: tools.python, signal };
  const wheel = await downloadWheel(library, join(temporary, 'tensorflow'), wheels);
  if (!wheel.ok) return wheel;
  const cuda = await nvidiaRequirements(wheel.value, wheels);
  if (!cuda.ok) return cuda;
  const unpacked = await unpackWheel(
    wheel.value,
    [
      ...LIBRARIES.map((name) => ({ from: `tensorflow/${name}`, to: join(dependencies, 'lib', name) })),
      ...HEADERS.map((from) => ({
        from: `tensorflow/include/${from}`,
        to: `${join(dependencies, 'include', from.replace(/^external\/local_(tsl|xla)\//, ''))}/`,
      })),
    ],
    wheels,
  );
  if (!unpacked.ok) return unpacked;

  if (id === 'tfjs-node-gpu') {
    // The library looks in `$ORIGIN/../nvidia/*/lib`.
    say("fetching CUDA's libraries from PyPI, some 3 GB");
    const nvidia = await installNvidia(cuda.value, join(dependencies, 'nvidia'), join(temporary, 'nvidia'), wheels);
    if (!nvidia.ok) return nvidia;
  }

  say('compiling the binding');
  const compiled = await compile(home, join(folder, 'node_modules', 'node-api-headers', 'include'), tools, signal);
  if (!compiled.ok) return compiled;
  rmSync(temporary, { recursive: true });
  return ok(home);
}

/** The two C++ files, as the package's own build rule for Linux compiles them, with headers that do not depend on Node's version. */
function compile(
  home: string,
  nodeHeaders: string,
  tools: Tools,
  signal: AbortSignal | undefined,
): Promise<Result<string, Diagnostic>> {
  const libraries = join(home, 'deps', 'lib');
  const target = join(home, 'lib', `napi-v${NAPI}`);
  mkdirSync(target, { recursive: true });
  const sources = ['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(home, 'binding', name));
  const includes = [nodeHeaders, join(home, 'deps', 'include')].flatMap((path) => ['-I', path]);
  const linked = LIBRARIES.filter((name) => existsSync(join(libraries, name))).map((name) => `-l:${name}`);
  const flags = [
    '-std=c++17',
    '-O2',
    '-fPIC',
    '-shared',
    '-w',
    `-DNAPI_VERSION=${NAPI}`,
    '-DNODE_GYP_MODULE_NAME=tfjs_binding',
  ];
  return runTool(
    tools.compiler,
    [
      ...flags,
      ...includes,
      ...sources,
      '-o',
      join(target, 'tfjs_binding.node'),
      '-L',
      libraries,
      ...linked,
      '-Wl,-rpath,$ORIGIN/../../deps/lib',
    ],
    { signal },
  );
}

function tensorflowPackage(id: EagerId): string {
  return id === 'tfjs-node-gpu' ? 'tensorflow' : 'tensorflow-cpu';
}
