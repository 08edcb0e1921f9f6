import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { config, folderWith, marked, parse, problemsOf, settingsOf } from '../../test/pipeline-rig.ts';
import { parsePipeline } from './parse-pipeline.ts';

const BASE = `stages:
  digits: { kind: ingest-csv, with: { train: { csv: a.csv } } }
  images: { kind: preprocess, from: digits }
  features: { kind: extract-features, from: images }
`;
const withHead = (settings: string) => `${BASE}  head: { kind: train-head, from: features, with: ${settings} }\n`;

describe('a pipeline file', () => {
  it('becomes a configuration with names, ports and settings as written', async () => {
    const pipeline = await config(
      `pipeline: digits\ndescription: Some.\nseed: 7\n${withHead('{ optimizer: adam }')}  score: { kind: evaluate, from: { model: head.model, data: features } }\n`,
    );
    expect(pipeline).toMatchObject({ name: 'digits', description: 'Some.', seed: 7, overrides: {} });
    expect(pipeline.stages.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      'digits ingest-csv',
      'images preprocess',
      'features extract-features',
      'head train-head',
      'score evaluate',
    ]);
    expect(pipeline.stages.at(-1)?.from).toEqual({
      model: { stage: 'head', artifact: 'model' },
      data: { stage: 'features', artifact: 'features' },
    });
    expect(settingsOf(pipeline, 'head')).toEqual({ optimizer: 'adam' });
    expect(settingsOf(pipeline, 'images')).toEqual({});
  });

  it('has the name of its file and the seed 42 where it says neither', async () => {
    expect(await config(BASE)).toMatchObject({ name: 'pipeline', seed: 42, description: '' });
  });

  it('knows the place of every value, also through anchors', async () => {
    const text = `vars: { o: &o { adam: { learningRate: 0.1 } } }\n${withHead('\n      { epochs: 3, optimizer: *o }')}`;
    const head = (await config(text)).stages.at(-1);
    expect(head?.location('epochs')).toMatchObject({ line: 7, column: 17, endColumn: 18 });
    expect(head?.location('optimizer/adam/learningRate')).toMatchObject({ line: 1, column: 39, endColumn: 42 });
    expect(head?.location('/optimizer/adam/nothing')).toMatchObject({ line: 1 });
    expect(head?.location()).toMatchObject({ line: 6, column: 3, endColumn: 7 });
  });

  it('reads the short form of from as the port that takes it', async () => {
    const text = `${withHead('{}')}  p: { kind: predict, from: { model: head, data: features } }\n  a: { kind: evaluate, from: p }\n  b: { kind: evaluate, from: features }\n  c: { kind: exec, from: { left: features, right: head }, with: { command: [ls] } }\n`;
    const from = Object.fromEntries((await config(text)).stages.map((stage) => [stage.name, stage.from]));
    expect(from['a']).toEqual({ predictions: { stage: 'p', artifact: 'predictions' } });
    expect(from['b']).toEqual({ data: { stage: 'features', artifact: 'features' } });
    expect(Object.keys(from['c'] ?? {})).toEqual(['left', 'right']);
  });

  it('means the same in whatever order its keys stand', async () => {
    const parts = [
      'pipeline: p',
      'seed: 3',
      'stages:\n  b: { from: a, kind: split }\n  a: { with: { train: { images: i, csv: c } }, kind: ingest-csv }',
      'vars: { x: 1, y: 2 }',
    ];
    const meaning = async (text: string) => {
      const { name, seed, stages } = await config(text);
      return { name, seed, stages: stages.map((stage) => ({ name: stage.name, from: stage.from, with: stage.with })) };
    };
    const expected = await meaning(parts.join('\n'));
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(parts, { minLength: parts.length }), async (shuffled) => {
        expect(await meaning(shuffled.join('\n'))).toEqual(expected);
      }),
      { numRuns: 24 },
    );
  });
});

describe('problems', () => {
  it('come all at once, in the order of the file', async () => {
    const text = `sed: 3\n${withHead('{ epochs: 0, optimizer: adma, shufle: true }')}  vars: { kind: split, from: digits }\n  x: { kind: splitt, from: digits, epochs: 3 }\n`;
    expect(problemsOf(await parse(text))).toEqual([
      'P013 1:1 unknown key "sed" | did you mean "seed"?',
      'P016 6:61 head (train-head): epochs: 0 must be at least 1 | Passes over the training rows.',
      'P012 6:75 head (train-head): optimizer: "adma" is not one of the values that it takes | did you mean "adam"? It takes one of adam, sgd, rmsprop, or a map',
      'P013 6:81 head (train-head): unknown key "shufle" | did you mean "shuffle"?',
      'P028 7:3 stages: a stage cannot be called "vars" | letters, digits, `-` and `_`, starting with a letter; not vars, env or seed',
      expect.stringMatching(/^P023 8:14 x: there is no stage kind "splitt" \| did you mean "split"\?/),
      'P013 8:36 stages.x: unknown key "epochs" | known keys: kind, from, with, repeat, matrix',
    ]);
  });

  it.each([
    [
      '{ optimizer: { adma: { learningRate: 1 } } }',
      'P013 5:66 head (train-head): optimizer: unknown key "adma" | did you mean "adam"?',
    ],
    [
      '{ optimizer: { adam: { learningRat: 1 } } }',
      'P013 5:74 head (train-head): optimizer.adam: unknown key "learningRat" | did you mean "learningRate"?',
    ],
    [
      '{ optimizer: { adam: {}, sgd: {} } }',
      'P016 5:64 head (train-head): optimizer: there may be only one of sgd, adam | remove the others; where a file that is extended wrote one, set it to null',
    ],
    [
      '{ optimizer: { adam: { learningRate: 0 } } }',
      'P016 5:88 head (train-head): optimizer.adam.learningRate: 0 must be more than 0 | Learning rate.',
    ],
    [
      '{ optimizer: 3 }',
      'P012 5:64 head (train-head): optimizer: 3 is not one of the values that it takes | it takes one of adam, sgd, rmsprop, or a map',
    ],
    [
      '{ layers: [{ dense: { activation: rely, units: 5 } }] }',
      'P012 5:85 head (train-head): layers.0.dense.activation: "rely" is not one of the values that it takes | did you mean "relu"? It takes one of relu, sigmoid',
    ],
    [
      '{ layers: [{ dense: { unit: 5 } }] }',
      'P013 5:73 head (train-head): layers.0.dense: unknown key "unit" | did you mean "units"?',
    ],
    [
      '{ layers: [{ dense: wide }] }',
      'P014 5:71 head (train-head): layers.0.dense: expected a whole number or a map, found "wide"',
    ],
    [
      '{ layers: [{ desne: 5 }] }',
      'P013 5:64 head (train-head): layers.0: unknown key "desne" | did you mean "dense"?',
    ],
    ['{ layers: { dense: 5 } }', 'P014 5:61 head (train-head): layers: expected a list, found a map'],
    [
      '{ shuffle: yes }',
      'P014 5:62 head (train-head): shuffle: expected true or false, found "yes" | in YAML 1.2 yes is a text; write true',
    ],
    [
      '{ note: 12 }',
      'P014 5:59 head (train-head): note: expected a text, found 12 | put it in quotes if it is a text: "12"',
    ],
    ['[]', 'P014 5:51 stages.head.with: expected a map, found a list | The settings of the stage.'],
  ])('explain %s', async (settings, expected) => {
    const found = problemsOf(await parse(withHead(settings)));
    expect(found).toEqual([expected]);
  });

  it('name missing keys, unknown ports and artifacts, and what would fit', async () => {
    const missing = await parse(
      'stages: { digits: { kind: ingest-csv, with: { train: { images: x } } }, other: { from: digits } }',
    );
    expect(problemsOf(missing)).toEqual([
      'P015 1:54 digits (ingest-csv): train: "csv" is missing',
      'P015 1:80 stages.other: "kind" is missing | What the stage does: a built-in kind, or the path of a module of your own (`./stages/my-stage.js`).',
    ]);
    const ports = `${withHead('{}')}  a: { kind: train-head, from: images }\n  b: { kind: train-head }\n  c: { kind: predict, from: { modle: head, data: features } }\n  d: { kind: split, from: digits.dat }\n  e: { kind: ingest-csv, from: digits, with: { train: { csv: b } } }\n`;
    expect(problemsOf(await parse(ports))).toEqual([
      'P026 6:32 a (train-head) reads features, but images gives images | features gives features',
      'P025 7:3 b (train-head) needs features | features gives features',
      'P025 8:3 c (predict) needs model at "model" | head, a, b give model',
      'P025 8:38 c (predict) has no port "modle" | did you mean "model"?',
      'P024 9:27 digits gives no artifact "dat" | did you mean "data"?',
      'P025 10:32 e (ingest-csv) reads nothing | this kind reads no stage; remove `from:`',
    ]);
  });

  it('tell an absent file from an unreadable one', async () => {
    const folder = folderWith({});
    const options = { kinds: new Map(), overrides: [], environment: {}, root: folder };
    expect(problemsOf(await parsePipeline(join(folder, 'none.yaml'), options))[0]).toMatch(
      /^P002 there is no file .*none\.yaml/,
    );
    expect(problemsOf(await parsePipeline(folder, options))[0]).toMatch(/^P003 .* cannot be read: it is a folder$/);
  });

  it('never are an exception, whatever the bytes', async () => {
    const soup = fc
      .array(
        fc.constantFrom(
          'stages:',
          'a',
          ': ',
          '\n',
          '  ',
          '- ',
          '[',
          ']',
          '{',
          '}',
          ', ',
          '&x ',
          '*x',
          '<<: ',
          '!!str ',
          '"',
          "'",
          '|',
          '>',
          '? ',
          '#',
          '---\n',
          '%YAML 1.1\n',
          '\t',
          '${vars.a}',
          'kind: split',
          'from: a',
          'matrix: {u: [1]}',
          'vars: {a: 1}',
          'extends: pipeline.yaml',
        ),
        { maxLength: 40 },
      )
      .map((parts) => parts.join(''));
    const bytes = fc.uint8Array({ maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(fc.oneof(soup, bytes), async (content) => {
        const parsed = await parse(typeof content === 'string' ? content : Buffer.from(content));
        expect(parsed.ok || parsed.error.length > 0).toBe(true);
      }),
      { numRuns: 400 },
    );
  });
});

describe('substitution', () => {
  it('keeps the type of a value that is one placeholder, and fills texts', async () => {
    const pipeline = await config(
      `vars: { size: [64, 96], n: 3, deep: { name: x }, both: "\${vars.deep.name}-\${vars.n}" }\n${withHead('{ epochs: "${vars.n}", note: "n=${vars.n} ${vars.both} $${vars.n}" }').replace('from: digits', 'from: digits, with: { size: "${vars.size}" }')}`,
    );
    expect(settingsOf(pipeline, 'head')).toEqual({ epochs: 3, note: 'n=3 x-3 ${vars.n}' });
    expect(settingsOf(pipeline, 'images')).toEqual({ size: [64, 96] });
  });

  it('takes numbers and booleans from the environment where the schema wants them, texts elsewhere', async () => {
    const text = `env: [N, B]\n${withHead('{ epochs: "${env.N}", shuffle: "${env.B}" }')}`;
    expect(settingsOf(await config(text, { environment: { N: '12', B: 'true' } }), 'head')).toEqual({
      epochs: 12,
      shuffle: true,
    });
    const note = `env: [N]\n${withHead('{ note: "${env.N}" }')}`;
    expect(settingsOf(await config(note, { environment: { N: '12' } }), 'head')).toEqual({ note: '12' });
    expect(problemsOf(await parse(text, { environment: { N: '012', B: 'true' } }))[0]).toMatch(
      /^P014 .*found the value of \$N/,
    );
  });

  it.each([
    ['vars: { size: 3 }', '${vars.siez}', '${vars.siez} is not defined | did you mean "vars.size"?'],
    [
      'vars: { a: "${vars.b}", b: "${vars.a}" }',
      '${vars.a}',
      'these variables go in a circle: vars.a → vars.b → vars.a',
    ],
    ['vars: { a: [1] }', 'x ${vars.a}', '${vars.a} is a list and cannot stand inside of a text'],
    ['vars: { a: 1 }', '${HOME}', '${HOME} is not defined | write $${ for a literal ${'],
    ['vars: { a: 1 }', 'x ${vars.a', 'this `${` is not closed | write $${ for a literal ${'],
    [
      'vars: { a: 1 }',
      '${matrix.a}',
      '${matrix.a} is not defined here | neither the stage nor one that it reads has a `matrix:`',
    ],
  ])('%s makes %s an error', async (vars, value, expected) => {
    expect(
      problemsOf(await parse(`${vars}\n${withHead(`{ note: '${value}' }`)}`)).map((line) =>
        line.replace(/^\S+ \S+ /, ''),
      ),
    ).toContain(expected);
  });
});

describe('extends', () => {
  it('merges maps, replaces lists and scalars, removes with null', async () => {
    const files = {
      'pipeline.yaml':
        'extends: base.yaml\nstages: { head: { with: { epochs: 5, note: null, layers: [{ dense: 1 }] } }, score: { kind: evaluate, from: features } }\n',
      'base.yaml': withHead('{ epochs: 3, batch: 8, note: x, layers: [{ dense: 5 }, { dropout: 0.5 }] }'),
    };
    const pipeline = await config(files);
    expect(settingsOf(pipeline, 'head')).toEqual({ epochs: 5, batch: 8, layers: [{ dense: 1 }] });
    expect(pipeline.stages.map(({ name }) => name)).toEqual(['digits', 'images', 'features', 'head', 'score']);
    expect(pipeline.files.map((file) => file.split('/').at(-1))).toEqual(['pipeline.yaml', 'base.yaml']);
  });

  it('leaves paths relative to the file that wrote them, and places in it', async () => {
    const files = {
      'pipeline.yaml':
        'extends: shared/base.yaml\nvars: { mine: ./here }\nstages: { digits: { with: { train: { images: own } } } }\n',
      'shared/base.yaml':
        'vars: { mine: ./there, base: ./b }\nstages: { digits: { kind: ingest-csv, with: { train: { csv: a.csv, images: x } } }, two: { kind: ingest-csv, with: { train: { csv: "${vars.mine}/a.csv", images: "${vars.base}/x" } } } }\n',
    };
    const parsed = await parse(files);
    const stages = parsed.ok ? parsed.value.stages : [];
    const folder = (stage: number, pointer: string) =>
      stages[stage]?.baseDirectory(pointer).slice(parsed.folder.length);
    expect([
      folder(0, 'train/csv'),
      folder(0, 'train/images'),
      folder(1, 'train/csv'),
      folder(1, 'train/images'),
    ]).toEqual(['/shared', '', '', '/shared']);
    expect(stages[0]?.location('train/csv').file).toMatch(/shared\/base\.yaml$/);
  });

  it('is a fold: where types agree, the order of merging does not matter', async () => {
    const settings = fc.record(
      {
        epochs: fc.integer({ min: 1, max: 9 }),
        batch: fc.integer({ min: 1, max: 9 }),
        note: fc.constantFrom('a', 'b'),
      },
      { requiredKeys: [] },
    );
    const file = (given: object, base?: string) =>
      `${base ? `extends: ${base}\n` : ''}${withHead(JSON.stringify(given))}`;
    await fc.assert(
      fc.asyncProperty(settings, settings, settings, async (a, b, c) => {
        const chain = await config({
          'pipeline.yaml': file(a, 'b.yaml'),
          'b.yaml': file(b, 'c.yaml'),
          'c.yaml': file(c),
        });
        const flat = await config({ 'pipeline.yaml': file({ ...b, ...a }, 'c.yaml'), 'c.yaml': file(c) });
        expect(settingsOf(chain, 'head')).toEqual(settingsOf(flat, 'head'));
        expect(settingsOf(chain, 'head')).toEqual({ ...c, ...b, ...a });
      }),
      { numRuns: 20 },
    );
  });

  it('names a missing base, a circle and what is wrong in the base', async () => {
    expect(problemsOf(await parse('extends: none.yaml\nstages: {}'))[0]).toMatch(
      /^P002 1:10 there is no file .*none\.yaml/,
    );
    expect(
      problemsOf(await parse({ 'pipeline.yaml': 'extends: a.yaml\n', 'a.yaml': 'extends: pipeline.yaml\n' }))[0],
    ).toMatch(/^P022 .*: pipeline\.yaml → a\.yaml → pipeline\.yaml/);
    const parsed = await parse({ 'pipeline.yaml': 'extends: a.yaml\n', 'a.yaml': withHead('{ epoch: 3 }') });
    expect(parsed.ok ? undefined : parsed.error[0]?.location?.file).toMatch(/a\.yaml$/);
  });
});

describe('--set', () => {
  it.each([
    ['head.epochs=5', { epochs: 5, optimizer: 'adam', layers: [{ dense: 500 }] }],
    ['head.optimizer=sgd', { optimizer: 'sgd', layers: [{ dense: 500 }] }],
    [
      'head.optimizer.adam.learningRate=0.01',
      { optimizer: { adam: { learningRate: 0.01 } }, layers: [{ dense: 500 }] },
    ],
    [
      'head.layers.0.dense.activation=relu',
      { optimizer: 'adam', layers: [{ dense: { units: 500, activation: 'relu' } }] },
    ],
    ['head.layers=[{dropout: 0.5}]', { optimizer: 'adam', layers: [{ dropout: 0.5 }] }],
    ['head.optimizer=null', { layers: [{ dense: 500 }] }],
    ['head.note=a=b', { optimizer: 'adam', layers: [{ dense: 500 }], note: 'a=b' }],
  ])('%s', async (words, expected) => {
    const pipeline = await config(withHead('{ optimizer: adam, layers: [{ dense: 500 }] }'), { set: [words] });
    expect(settingsOf(pipeline, 'head')).toEqual(expected);
    expect(Object.keys(pipeline.overrides)).toEqual([words.slice(0, words.indexOf('='))]);
  });

  it('sets variables, which the file then uses, and the seed', async () => {
    const pipeline = await config(`vars: { n: 3 }\n${withHead('{ epochs: "${vars.n}" }')}`, {
      set: ['vars.n=9', 'seed=1'],
    });
    expect(settingsOf(pipeline, 'head')).toEqual({ epochs: 9 });
    expect(pipeline).toMatchObject({ seed: 1, overrides: { 'vars.n': 9, seed: 1 } });
  });

  it.each([
    ['hed.epochs=5', 'U003 1:1 --set hed.epochs: the pipeline has no stage "hed" | did you mean "head"?'],
    ['head=5', 'U003 1:1 --set head: which setting of the stage? | for example --set head.epochs=5'],
    ['head.with.epochs=5', 'U003 1:6 --set head.with.epochs: settings are named without `with` | --set head.epochs=…'],
    ['vars.sise=5', 'U003 1:6 --set vars.sise: the pipeline has no variable "sise" | did you mean "size"?'],
    [
      'head.epochs',
      'U002 1:1 --set takes PATH=VALUE, and "head.epochs" is not that | for example --set head.epochs=5, --set vars.size=96 or --set seed=7',
    ],
    ['head.epoch=5', 'P013 1:6 head (train-head): unknown key "epoch" | did you mean "epochs"?'],
    [
      'head.epochs=many',
      'P014 1:13 head (train-head): epochs: expected a whole number, found "many" | Passes over the training rows.',
    ],
    ['head.epochs=[', 'U002 1:14 '],
    [
      'head.optimizer.sgd.nesterov=true',
      'U003 1:16 --set head.optimizer.sgd.nesterov: head.optimizer is "adam" and has no part "sgd" | set all of it: --set \'head.optimizer={ sgd: … }\'',
    ],
    [
      'head.layers.7.dense=3',
      'U003 1:13 --set head.layers.7.dense: "layers" is a list of 0, and "7" is none of its items | items are numbered from 0',
    ],
  ])('refuses %s', async (words, expected) => {
    const parsed = await parse(`vars: { size: 3 }\n${withHead('{ optimizer: adam, layers: [] }')}`, { set: [words] });
    expect(problemsOf(parsed)[0]).toContain(expected);
    expect(parsed.ok ? undefined : parsed.error[0]?.location?.file).toBe(`--set ${words}`);
  });
});

describe('a matrix', () => {
  const wide = (head: string, rest: string) =>
    `${BASE}  head:\n    kind: train-head\n    from: features\n${head}${rest}`;
  const units =
    '    matrix: { units: [500, 1000] }\n    with: { layers: [{ dense: "${matrix.units}" }], note: "u${matrix.units}" }\n';

  it('makes a child a value, and fans out what reads it', async () => {
    const pipeline = await config(
      wide(
        units,
        '  score: { kind: evaluate, from: { model: head, data: features } }\n  one: { kind: evaluate, from: { model: head@500.model, data: features } }\n',
      ),
    );
    expect(pipeline.stages.map(({ name }) => name).slice(3)).toEqual([
      'head@500',
      'head@1000',
      'score@500',
      'score@1000',
      'one',
    ]);
    expect(settingsOf(pipeline, 'head@1000')).toEqual({ layers: [{ dense: 1000 }], note: 'u1000' });
    expect(pipeline.stages.map(({ from }) => from['model']?.stage).slice(5)).toEqual([
      'head@500',
      'head@1000',
      'head@500',
    ]);
    expect(pipeline.stages[4]?.matrix).toEqual({ stage: 'head', values: { units: 1000 } });
  });

  it('keeps two sources in step that share an axis', async () => {
    const text = `stages:
  digits: { kind: ingest-csv, with: { train: { csv: a.csv } } }
  images: { kind: preprocess, from: digits, matrix: { size: { small: [64, 64], large: [96, 96] } }, with: { size: "\${matrix.size}" } }
  features: { kind: extract-features, from: images }
  head: { kind: train-head, from: features, matrix: { batch: [8, 16] }, with: { batch: "\${matrix.batch}", note: "\${matrix.size}" } }
  score: { kind: evaluate, from: { model: head, data: features } }
`.replace(', note: "${matrix.size}"', '');
    const pipeline = await config(text);
    expect(pipeline.stages.map(({ name }) => name)).toEqual([
      'digits',
      'images@small',
      'images@large',
      'features@small',
      'features@large',
      'head@small-8',
      'head@small-16',
      'head@large-8',
      'head@large-16',
      'score@small-8',
      'score@small-16',
      'score@large-8',
      'score@large-16',
    ]);
    for (const { name, from } of pipeline.stages.slice(9)) {
      expect(from['model']?.stage).toBe(name.replace('score', 'head'));
      expect(from['data']?.stage).toBe(name.replace(/score(@\w+)-.*/, 'features$1'));
    }
  });

  it('leaves out and adds combinations', async () => {
    const head =
      '    matrix: { a: [x, y], b: [1, 2], exclude: [{ a: y, b: 1 }], include: [{ a: z, b: 9 }] }\n    with: { note: "${matrix.a}", batch: "${matrix.b}" }\n';
    expect((await config(wide(head, ''))).stages.map(({ name }) => name).slice(3)).toEqual([
      'head@x-1',
      'head@x-2',
      'head@y-2',
      'head@z-9',
    ]);
  });

  it.each([
    ['    matrix: { units: [] }\n', '', /^P016 8:22 stages\.head\.matrix\.units: a list must not be empty/],
    ['    matrix: { units: [5, 5] }\n', '', /^P029 8:26 the axis "units" has the value 5 twice/],
    ['    matrix: { units: [a b] }\n', '', /^P029 8:23 this value of "units" cannot be part of a stage's name/],
    [
      '    matrix: { units: [5], exclude: [{ unit: 5 }] }\n',
      '',
      /^P029 8:39 the matrix has no axis "unit" \| did you mean "units"\?/,
    ],
    [
      units,
      '  s: { kind: evaluate, from: { model: head@50, data: features } }\n',
      /^P024 10:39 s reads "head@50", which is no child of head \| did you mean "head@500"\?/,
    ],
    [
      '    matrix: { units: [5] }\n    with: { note: "${matrix.unit}" }\n',
      '',
      /^P018 9:19 \$\{matrix\.unit\} is not defined here \| did you mean "units"\?/,
    ],
  ])('refuses %s%s', async (head, rest, expected) => {
    expect(problemsOf(await parse(wide(head, rest)))[0]).toMatch(expected);
  });

  it('tells a fault of all children once', async () => {
    const head = '    matrix: { units: [500, 1000] }\n    with: { epoch: 3 }\n';
    expect(problemsOf(await parse(wide(head, '')))).toEqual([
      'P013 9:13 head@500 (train-head): unknown key "epoch" | did you mean "epochs"?',
    ]);
  });
});

describe('a sweep', () => {
  it('is given with its places', async () => {
    const { sweep } = await config(
      `${withHead('{}')}sweep:\n  over: { head.batch: [64, 128] }\n  goal: { minimize: head.loss }\n`,
    );
    expect(sweep?.value).toEqual({ over: { 'head.batch': [64, 128] }, goal: { minimize: 'head.loss' } });
    expect(sweep?.location('goal/minimize')).toMatchObject({ line: 8, column: 21 });
  });

  it.each([
    ['strategy: gird', /^P012 7:13 sweep\.strategy: .*did you mean "grid"/],
    ['goal: { minimise: head.loss }', /^P013 7:11 sweep\.goal: unknown key "minimise" \| did you mean "minimize"\?/],
    ['goal: { minimize: hed.loss }', /^P034 7:21 sweep\.goal: there is no stage "hed" \| did you mean "head"\?/],
    ['limit: { trials: 0 }', /^P016 7:20 sweep\.limit\.trials: 0 must be at least 1/],
  ])('refuses %s', async (line, expected) => {
    expect(problemsOf(await parse(`${withHead('{}')}sweep:\n  ${line}\n  over: { head.batch: [64] }\n`))[0]).toMatch(
      expected,
    );
  });

  it('refuses a path that leads nowhere', async () => {
    expect(problemsOf(await parse(`${withHead('{}')}sweep: { over: { hed.batch: [64] } }\n`))[0]).toMatch(
      /^P034 6:18 .*did you mean "head"\?/,
    );
  });
});

describe("a kind of the user's own", () => {
  const module = (body: string) => ({
    'pipeline.yaml': 'stages: { mine: { kind: ./stages/mine.mjs, with: { n: 3 } } }\n',
    'stages/mine.mjs': body,
  });
  const good = `export default { kind: 'mine', version: 1, summary: 's', ports: {}, gives: {}, draws: false,
    schema: { type: 'object', additionalProperties: false, properties: { n: { type: 'integer', maximum: 3 } } },
    complete: (given) => given, loadBody: async () => ({}) };`;

  it('is loaded from its module and checks its settings', async () => {
    const folder = folderWith(module(good));
    const path = join(folder, 'pipeline.yaml');
    const options = { kinds: new Map(), environment: {}, root: folder };
    const parsed = await parsePipeline(path, { ...options, overrides: [] });
    expect(parsed.ok && parsed.value.config.stages).toMatchObject([
      { name: 'mine', kind: './stages/mine.mjs', with: { n: 3 } },
    ]);
    expect(parsed.ok && parsed.value.kinds.get('./stages/mine.mjs')?.kind).toBe('mine');
    expect(problemsOf(await parsePipeline(path, { ...options, overrides: ['mine.n=4'] }))[0]).toMatch(
      /^P016 1:8 .*4 must be at most 3/,
    );
  });

  it.each([
    ['export default 3;', 'its default export is no stage kind'],
    ['throw new Error("no luck");', 'no luck'],
    [good.replace("kind: 'mine', ", ''), 'its default export has no `kind`'],
    [good.replace('schema:', 'scheme:'), 'it has no `schema`'],
  ])('is refused where it is %s', async (body, expected) => {
    const folder = folderWith(module(body));
    const options = { kinds: new Map(), overrides: [], environment: {}, root: folder };
    const problems = problemsOf(await parsePipeline(join(folder, 'pipeline.yaml'), options));
    expect(problems).toEqual([
      expect.stringContaining(`P032 1:25 the kind ./stages/mine.mjs cannot be loaded: ${expected}`),
    ]);
  });
});

describe('the memo', () => {
  const rememberAll = () => {
    const kept = new Map<string, Uint8Array>();
    const memo = {
      get: (key: string) => kept.get(key),
      set: (key: string, bytes: Uint8Array) => void kept.set(key, bytes),
    };
    return { kept, memo };
  };

  it('gives the same configuration, places included, as reading does', async () => {
    const { kept, memo } = rememberAll();
    const files = {
      'pipeline.yaml': 'extends: base.yaml\nvars: { n: 5 }\n',
      'base.yaml': `vars: { n: 3, o: &o { adam: {} } }\n${withHead('{ epochs: "${vars.n}", optimizer: *o, layers: [{ dense: 3 }] }')}`,
    };
    const folder = folderWith(files);
    const read = async () => {
      const parsed = await parse(files, { memo, folder });
      const stages = parsed.ok ? parsed.value.stages : [];
      const pointers = ['', 'epochs', 'optimizer/adam', 'layers/0/dense', 'nothing'];
      return stages.map((stage) => ({
        ...stage,
        places: pointers.map((pointer) => [stage.location(pointer), stage.baseDirectory(pointer)]),
      }));
    };
    const plain = (stages: Awaited<ReturnType<typeof read>>) => JSON.stringify(stages);
    const first = plain(await read());
    expect(kept.size).toBe(2);
    expect(first).toContain('"dense":3');
    expect(plain(await read())).toBe(first);
    expect(kept.size).toBe(2);
  });

  it('keeps no file that has problems', async () => {
    const { kept, memo } = rememberAll();
    for (const text of ['a: &a [*a]', 'a: [', 'stages: { a: 012 }']) await parse(text, { memo });
    expect(kept.size).toBe(0);
  });
});

it('marks the key, not the map around it', async () => {
  const text = withHead('{ epochs: 3, bacth: 8 }');
  const parsed = await parse(text);
  expect(marked(text, parsed.ok ? undefined : parsed.error[0])).toBe('bacth');
});
