#!/usr/bin/env node
// Starts the bundled command line from V8's compiled code, where there is some for this very version of Node. Compiling the bundle anew
// would take a third of a fully cached run.
'use strict';
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const vm = require('node:vm');

const file = join(__dirname, 'cli-main.cjs');
const codeCachePath = () => join(__dirname, `cli-main-${process.version}-${process.arch}.v8`);

function compile(cachedData) {
  const source = `(function (exports, require, module, __filename, __dirname, importFromLoader) {${readFileSync(file, 'utf8')}\n})`;
  return new vm.Script(source, { filename: file, cachedData });
}

/** V8 checks the code against the source and itself, and compiles when they do not fit. */
function codeCache() {
  try {
    return readFileSync(codeCachePath());
  } catch {
    return undefined;
  }
}

if (require.main === module)
  compile(codeCache()).runInThisContext()(exports, require, module, file, __dirname, (name) => import(name));
else module.exports = { compile, codeCachePath };
