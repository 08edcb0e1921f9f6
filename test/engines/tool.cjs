#!/usr/bin/env node
// Stands in for npm, python3 and g++ under their names, with what an installation asks of them and without a network. Each call is a line in
// calls.txt beside it. A file `<name>.fails` beside it makes it fail with the words in there; `<name>.hangs` makes it wait for ever.
const { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } = require('node:fs');
const { basename, dirname, join } = require('node:path');

const name = basename(process.argv[1]);
const folder = dirname(process.argv[1]);
const given = process.argv.slice(2);
const after = (flag) => given[given.indexOf(flag) + 1];
const write = (path, text = '') => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};

if (!given.includes('--version')) {
  appendFileSync(join(folder, 'calls.txt'), `${name} ${given.join(' ').split('\n')[0]}\n`);
  const fails = join(folder, `${name}.fails`);
  if (existsSync(fails)) {
    process.stderr.write(readFileSync(fails));
    process.exit(1);
  }
  if (existsSync(join(folder, `${name}.hangs`)))
    for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
  if (name === 'npm') {
    const modules = join(after('--prefix'), 'node_modules');
    const home = join(modules, '@tensorflow', 'tfjs-node');
    write(
      join(home, 'package.json'),
      JSON.stringify({ name: '@tensorflow/tfjs-node', version: '4.22.0', main: 'index.js' }),
    );
    write(join(home, 'index.js'), readFileSync(join(folder, 'index.js')));
    write(join(home, 'binding', 'tfjs_binding.cc'));
    write(join(modules, 'node-api-headers', 'include', 'node_api.h'));
  } else if (given[0] === '-m') {
    write(join(after('-d'), 'tensorflow_cpu-2.21.0-py3-none-any.whl'));
  } else if (given[0] === '-c' && given.length > 3) {
    // Unpacks: a wheel, then what goes where.
    for (let i = 4; i < given.length; i += 2) write(given[i].endsWith('/') ? join(given[i], 'c_api.h') : given[i]);
    console.log(given.length);
  } else if (given.includes('-o')) write(after('-o'));
}
