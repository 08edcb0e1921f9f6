// `npm run bench`: the figures of the project in one table, each compared within one run. `--help` tells the options.
import { readFileSync, writeFileSync } from 'node:fs';
import { cases as engines } from './cases/engines.mjs';
import { cases as gpu } from './cases/gpu.mjs';
import { cases as heads } from './cases/heads.mjs';
import { cases as input } from './cases/input.mjs';
import { cases as linearHeads } from './cases/linear-heads.mjs';
import { cases as precision } from './cases/precision.mjs';
import { cases as runs } from './cases/runs.mjs';
import { cases as sweeps } from './cases/sweeps.mjs';
import { cases as training } from './cases/training.mjs';
import { cases as vgg16 } from './cases/vgg16.mjs';
import { describeMachine, machineLine } from './machine.mjs';
import { removeProjects } from './project.mjs';
import { Roof, rooflineOf } from './roofline.mjs';
import { settingsOf, usage } from './settings.mjs';
import { absence, comparisonOf, tableOf } from './table.mjs';

/**
 * A case has a `name`, says in `what` what it measures, and in `computes` (processor or card) whether its figures are compared with the
 * most that the machine could do. `run(settings)` yields the rows of the table as they are found:
 * `{ what, unit, figure, to?, target?, flops?, bytes? }`, the figure from `pairs.mjs`, operations and bytes of one unit of it;
 * or `{ what, notRun, command? }`.
 */
const processorCases = [
  ...runs,
  ...vgg16,
  ...input,
  ...precision,
  ...heads,
  ...sweeps,
  ...linearHeads,
  ...engines,
  ...training,
];

async function main() {
  const settings = settingsOf(process.argv.slice(2));
  if (settings.help) return say(usage);
  const all = [...processorCases, ...gpu];
  if (settings.list) return say(listOf(all));
  if (settings.compare.length === 2) return say(comparisonOf(...settings.compare.map(readTable)));
  const rows = await measure(chosen(all, settings), settings);
  const machine = await describeMachine(settings);
  const table = { machine, roof: rows.roof, rows: rows.rows };
  say([machineLine(machine), ...roofLines(rows.roof), '', tableOf(table.rows)].join('\n'));
  if (settings.json) writeFileSync(settings.json, `${JSON.stringify(table, undefined, 1)}\n`);
  const [before] = settings.compare;
  if (before) say(`\n${comparisonOf(readTable(before), table)}`);
  if (table.rows.some(({ failed }) => failed)) process.exitCode = 1;
}

const say = (text) => process.stdout.write(`${text.trimEnd()}\n`);

const readTable = (path) => JSON.parse(readFileSync(path, 'utf8'));

function listOf(all) {
  const width = Math.max(...all.map(({ name }) => name.length));
  return all.map(({ name, what }) => `${name.padEnd(width)}  ${what}`).join('\n');
}

/** The named ones; by default those of the processor, or with `--gpu` those of the card. */
function chosen(all, { names, gpu: onGpu }) {
  const known = all.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`there is no case ${unknown.join(', ')}; --list shows all`);
  if (names.length > 0) return all.filter(({ name }) => names.includes(name));
  return onGpu ? gpu : processorCases;
}

async function measure(cases, settings) {
  const roof = new Roof();
  const rows = [];
  for (const one of cases) {
    // Before and after the figures that are compared with it: the machine may have other work at other times.
    if (one.computes === 'processor') await roof.sample();
    rows.push(...(await rowsOf(one, settings)));
    removeProjects();
    if (one.computes === 'processor') await roof.sample();
  }
  await roof.close();
  const measured = roof.measured;
  return {
    roof: measured,
    rows: rows.map((row) => ({ ...row, roofline: rooflineOf(row, row.computes === 'card' ? undefined : measured) })),
  };
}

/** All rows of a case, told as they come; a case that fails is a row too. */
async function rowsOf({ name, computes, run }, settings) {
  const rows = [];
  const keep = (row) => {
    rows.push({ case: name, computes, ...row });
    const state = row.figure ? `${row.figure.median.toPrecision(3)} ${row.unit}` : absence(row);
    process.stderr.write(`${name}: ${row.what}: ${state}\n`);
  };
  try {
    for await (const row of run(settings)) keep(row);
  } catch (error) {
    keep({ what: 'the case', notRun: `failed: ${error.message.split('\n')[0].slice(0, 300)}`, failed: true });
    process.stderr.write(`${error.stack}\n`);
  }
  return rows;
}

function roofLines(roof) {
  if (!roof) return [];
  const { fma, product, memory } = roof;
  const loop = fma
    ? `${fma.toFixed(0)} GFLOP/s of multiply-adds on registers, `
    : 'no C compiler for multiply-adds on registers, ';
  return [
    `the most it could do, all cores: ${loop}${product.toFixed(0)} in a product of 2048² matrices by ONNX Runtime, ${memory.toFixed(1)} GB/s copied (read and written)`,
  ];
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
