/** The bad inputs of the group "config": each a diagnostic with a place and a way out. */
import { expect, it } from 'vitest';
import { config, marked, parse, problemsOf, settingsOf } from '../../test/pipeline-rig.ts';

const one = (body: string) => `stages:\n  digits: { kind: ingest-csv, with: { train: { csv: a.csv } } }\n${body}`;
const head = (settings: string) =>
  one(
    `  images: { kind: preprocess, from: digits }\n  features: { kind: extract-features, from: images }\n  head: { kind: train-head, from: features, with: { ${settings} } }\n`,
  );

it('C1 refuses deep nesting, in either notation, within a second', async () => {
  const started = performance.now();
  const texts = [
    `a: ${'['.repeat(20_000)}`,
    `a: ${'['.repeat(20_000)}${']'.repeat(20_000)}`,
    `a:\n${'- '.repeat(20_000)}x`,
    `a: ${'{b: '.repeat(20_000)}`,
    `a: ${'['.repeat(100)}${']'.repeat(100)}`,
  ];
  for (const text of texts) expect(problemsOf(await parse(text))[0], text.slice(0, 20)).toMatch(/^P010 /);
  expect((performance.now() - started) / texts.length).toBeLessThan(1000);
});

it('C2 refuses aliases that multiply', async () => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 9; i++)
    lines.push(
      `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    );
  expect(problemsOf(await parse(lines.join('\n'))).join('\n')).toMatch(
    /^P009 \d+:\d+ the aliases of this file expand to more than 100,000 values/m,
  );
});

it('C3 refuses an alias inside of its own anchor, and one without an anchor', async () => {
  expect(problemsOf(await parse('vars: &a { x: *a }\nstages: {}'))).toContain(
    'P009 1:15 the alias *a stands inside of its own anchor',
  );
  expect(problemsOf(await parse('vars: { x: *b }\nstages: {}'))).toContain(
    'P009 1:12 there is no anchor &b before this alias',
  );
});

it('C4 refuses a key that is there twice and shows both lines', async () => {
  const parsed = await parse(`${head('epochs: 3,\n    batch: 8, epochs: 4')}`);
  expect(problemsOf(parsed)).toEqual(['P007 6:15 the key "epochs" is there twice | remove or rename one of them']);
  expect(parsed.ok ? [] : parsed.error[0]?.related?.map(({ location }) => location.line)).toEqual([5]);
});

it('C5 refuses two stages of one name and shows both lines', async () => {
  const parsed = await parse(one('  split: { kind: split, from: digits }\n  digits: { kind: split, from: split }\n'));
  expect(problemsOf(parsed)[0]).toBe('P007 4:3 two stages are called "digits" | remove or rename one of them');
  expect(parsed.ok ? [] : parsed.error[0]?.related?.map(({ location }) => location.line)).toEqual([2]);
});

it.each(['__proto__', 'constructor', 'prototype'])(
  'C6 refuses %s as a key, in a sweep path and in --set; nothing is polluted',
  async (name) => {
    expect(problemsOf(await parse(`${one('')}vars: { ${name}: { x: 1 } }`))[0]).toMatch(
      /^P011 3:9 no key may be called/,
    );
    expect(problemsOf(await parse(`${one('')}sweep: { over: { digits.${name}.x: [1] } }`))[0]).toMatch(/^P034 3:18 /);
    expect(problemsOf(await parse(one(''), { set: [`digits.${name}.x=1`] }))[0]).toMatch(
      /^U002 1:8 .*cannot be part of a path/,
    );
    expect(Object.getOwnPropertyDescriptor({}, 'x')).toBeUndefined();
    expect(Reflect.get({}, 'x')).toBeUndefined();
  },
);

it.each(['!mine 3', '!!binary aGk=', '!!set { a }', '!!timestamp 2001-12-14', '!!js/function x'])(
  'C7 refuses the tag of %s',
  async (value) => {
    expect(problemsOf(await parse(`vars: { x: ${value} }\nstages: {}`))[0]).toMatch(/^P008 1:12 /);
  },
);

it('C7 knows the tags of the core schema', async () => {
  expect(settingsOf(await config(head('note: !!str 012')), 'head')).toEqual({ note: '012' });
});

it('C8 merges `<<`: own members first, then the sources in their order', async () => {
  const text = `vars: { a: &a { epochs: 3, batch: 8 }, b: &b { epochs: 5, shuffle: true } }\n${head('<<: [*a, *b], batch: 16')}`;
  expect(settingsOf(await config(text), 'head')).toEqual({ batch: 16, epochs: 3, shuffle: true });
});

it('C8 refuses `<<` over anything but maps', async () => {
  expect(problemsOf(await parse(head('<<: 3')))[0]).toMatch(/^P033 5:53 /);
});

it('C9 refuses an empty file, several documents and a file that is no map', async () => {
  expect(problemsOf(await parse(''))[0]).toMatch(/^P005 1:1 the file is empty/);
  expect(problemsOf(await parse('# nothing\n'))[0]).toMatch(/^P005 1:1 the file is empty/);
  expect(problemsOf(await parse('just words'))[0]).toMatch(/^P005 1:1 the file is a single value/);
  expect(problemsOf(await parse('- a\n- b\n'))[0]).toMatch(/^P005 1:1 the file is a list/);
  expect(problemsOf(await parse(`${one('')}---\n${one('')}`))[0]).toMatch(/^P006 3:1 /);
});

it('C10 refuses tabs with their line', async () => {
  expect(problemsOf(await parse('stages:\n\tdigits: 3\n'))).toEqual([
    'P001 2:1 a tab is used to indent | indent with spaces',
  ]);
});

it('C11 takes a byte order mark', async () => {
  expect((await config(`\ufeff${one('')}`)).stages.map(({ name }) => name)).toEqual(['digits']);
});

it('C12 names the encoding of what is not UTF-8', async () => {
  const utf16 = Buffer.from(one(''), 'utf16le');
  expect(problemsOf(await parse(Buffer.concat([Buffer.from([0xff, 0xfe]), utf16])))[0]).toMatch(
    /UTF-16 \(little-endian\)/,
  );
  expect(problemsOf(await parse(utf16))[0]).toMatch(/UTF-16 \(little-endian\)/);
  expect(problemsOf(await parse(Buffer.from(utf16).swap16()))[0]).toMatch(/UTF-16 \(big-endian\)/);
  expect(problemsOf(await parse(Buffer.from('stages: {}\n# caf\u00e9\n', 'latin1')))[0]).toMatch(
    /^P004 2:6 .*byte 0xE9 looks like Latin-1/,
  );
  expect(problemsOf(await parse('stages: {}\n# a\0b\n'))[0]).toMatch(/^P004 2:4 .*NUL/);
  expect(problemsOf(await parse(head('note: "a\\0b"')))[0]).toMatch(/^P004 .*NUL/);
  expect(problemsOf(await parse(head('note: "\\ud800"')))[0]).toMatch(/^P004 .*surrogate/);
});

it.each([
  ['012', 'P017 5:61 012 has a leading zero, which YAML ignores | write 12, or "012" if it is a text'],
  [
    '1_000',
    'P014 5:61 head (train-head): epochs: expected a whole number, found "1_000" | "1_000" is a text; write 1000',
  ],
  ['.inf', 'P017 5:61 .inf is not a number that can be used here | write a finite number'],
  ['.nan', 'P017 5:61 .nan is not a number that can be used here | write a finite number'],
  ['1e999', 'P017 5:61 1e999 is not a number that can be used here | write a finite number'],
  ['-0', 'P017 5:61 -0 is the same as 0 here | write 0'],
  [
    '9007199254740993',
    'P017 5:61 9007199254740993 is too large to be exact: it would become 9007199254740992 | write "9007199254740993" if it is a text',
  ],
])('C13 never changes the number %s silently', async (value, expected) => {
  expect(problemsOf(await parse(head(`epochs: ${value}`)))).toEqual([expected]);
});

it('C14 marks an unknown key and names the nearest known one', async () => {
  const text = head('epoch: 3');
  const parsed = await parse(text);
  expect(problemsOf(parsed)).toEqual(['P013 5:53 head (train-head): unknown key "epoch" | did you mean "epochs"?']);
  expect(marked(text, parsed.ok ? undefined : parsed.error[0])).toBe('epoch');
});

it('C14 says where a key belongs that is known elsewhere', async () => {
  const moved = await parse(
    head('validation: 0.3').replace('  images', '  split: { kind: split, from: digits }\n  images'),
  );
  expect(problemsOf(moved)[0]).toMatch(/unknown key "validation" \| "validation" belongs to split \(split\)$/);
  const inner = await parse(head('learningRate: 0.1'));
  expect(problemsOf(inner)[0]).toMatch(/\| "learningRate" belongs to with\.optimizer\.adam$/);
});

it.each(['../out.csv', '/tmp/out.csv', 'a/../../out.csv'])(
  'C15 refuses the output %s, outside of the project',
  async (path) => {
    const text =
      head('epochs: 3') + `  out: { kind: predict, from: { model: head, data: features }, with: { file: ${path} } }\n`;
    expect(problemsOf(await parse(text))[0]).toMatch(/^P030 6:78 out: file lies outside of the project/);
  },
);

it('C15 lets outputs lie inside of the project', async () => {
  const text =
    head('epochs: 3') +
    '  out: { kind: predict, from: { model: head, data: features }, with: { file: ./results/out.csv } }\n';
  expect((await parse(text)).ok).toBe(true);
});

it('C16 shows the list form of a shell string', async () => {
  const text = one(`  run: { kind: exec, from: digits, with: { command: 'sort -u "my file" > out' } }\n`);
  expect(problemsOf(await parse(text))).toEqual([
    'P031 3:53 run (exec): command: a command is a list of words, not one text | write `command: [sort, -u, "my file", ">", out]` (no shell reads it: | > && and * are plain characters)',
  ]);
  const list = one(`  run: { kind: exec, from: digits, with: { command: [echo, '$(rm -rf x); a && b'] } }\n`);
  expect(settingsOf(await config(list), 'run')).toEqual({ command: ['echo', '$(rm -rf x); a && b'] });
});

it('C17 refuses a variable that is not set or not listed', async () => {
  const text = `env: [TOKEN]\n${head('note: "${env.TOKEN}"')}`;
  expect(problemsOf(await parse(text))).toEqual([
    'P020 6:59 the environment variable TOKEN is not set | set it: TOKEN=… pipe run …',
  ]);
  expect(problemsOf(await parse(head('note: "${env.TOKEN}"')))).toEqual([
    'P019 5:59 the environment variable TOKEN is not listed under `env:` | add it: `env: [TOKEN]`',
  ]);
});

it('C17 knows where values of the environment are, and never shows one', async () => {
  const canary = 'canary-6f1c';
  const environment = { TOKEN: canary };
  const text = `env: [TOKEN]\nvars: { deep: "x-\${env.TOKEN}" }\n${head('note: "${env.TOKEN}", optimizer: "${vars.deep}", epochs: "${env.TOKEN}"')}`;
  const parsed = await parse(text, { environment });
  expect(problemsOf(parsed)).toHaveLength(2);
  expect(JSON.stringify(parsed)).not.toContain(canary);
  const good = await config(`env: [TOKEN]\nvars: { deep: "x-\${env.TOKEN}" }\n${head('note: "${vars.deep}"')}`, {
    environment,
  });
  const stage = good.stages.find(({ name }) => name === 'head');
  expect(stage?.environment).toEqual(new Map([['TOKEN', `x-${canary}`]]));
  expect(stage?.environmentPointers).toEqual(new Map([['note', ['TOKEN']]]));
});

it('C18 names the whole circle, and unknown stages', async () => {
  const text =
    'stages:\n  a: { kind: split, from: c }\n  b: { kind: split, from: a }\n  c: { kind: split, from: b }\n  d: { kind: split, from: d }\n  e: { kind: split, from: digits }\n';
  expect(problemsOf(await parse(text))).toEqual([
    'P027 2:3 these stages read each other in a circle: a → c → b → a | a stage can only read stages that do not need it',
    'P027 5:3 d reads itself | a stage can only read stages that do not need it',
    'P024 6:27 e reads "digits", which is no stage of this pipeline | stages: a, b, c, d, e',
  ]);
  expect(problemsOf(await parse(one('  split: { kind: split, from: digit }\n')))).toEqual([
    'P024 3:31 split reads "digit", which is no stage of this pipeline | did you mean "digits"?',
  ]);
});
