/** A CSV that somebody edits while a run is under way. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { CliRig } from '../cli-rig.ts';

const rigs: CliRig[] = [];
afterEach(() => {
  for (const rig of rigs.splice(0)) rig[Symbol.dispose]();
});

const CSV = 'data-examples/digits/train.csv';

/** The quickstart's images, behind a stage that may edit their CSV. */
function project(edits: boolean): CliRig {
  const rig = CliRig.quickstart();
  rigs.push(rig);
  const line = edits ? rig.read(CSV).split('\n')[1]?.replace(/,.*/, ',9') : '';
  rig.write(
    'edit.mjs',
    `import { appendFileSync, writeFileSync } from 'node:fs';
     if (${edits}) appendFileSync(${JSON.stringify(rig.path(CSV))}, ${JSON.stringify(`${line}\n`)});
     writeFileSync(process.argv[2], 'done');`,
  );
  rig.write(
    'p.yaml',
    JSON.stringify({
      stages: {
        edit: {
          kind: 'exec',
          with: {
            command: [process.execPath, '{inputs.script}', '{outputs.done}'],
            inputs: { script: 'edit.mjs' },
            outputs: { done: 'done.txt' },
          },
        },
        data: {
          kind: 'ingest-csv',
          with: { train: { csv: CSV, images: 'data-examples/digits/images/train' } },
        },
        split: { kind: 'split', from: 'data', with: { validation: 0.2 } },
      },
    }),
  );
  return rig;
}

it('is recorded as it was read, never under what it has become (D20)', async () => {
  const [edited, calm] = [project(true), project(false)];
  const before = edited.read(CSV);
  const first = await edited.last('run', 'p.yaml');
  expect(edited.read(CSV)).not.toBe(before);
  const undisturbed = await calm.last('run', 'p.yaml');
  expect(first.outcome).toBe('succeeded');
  expect(first.stages['data']?.fingerprint).toBe(undisturbed.stages['data']?.fingerprint);
  expect(first.stages['split']?.fingerprint).toBe(undisturbed.stages['split']?.fingerprint);

  // The next run sees the edit: here the first image once more, under another label.
  const { code, stderr } = await edited.run('run', 'p.yaml');
  expect(code).toBe(4);
  expect(stderr).toContain('D027');

  writeFileSync(edited.path(CSV), before);
  const restored = await edited.last('run', 'p.yaml');
  expect(Object.values(restored.stages).map(({ status }) => status)).toEqual(['cached', 'cached', 'cached']);
  appendFileSync(edited.path(CSV), '\n');
  expect((await edited.last('run', 'p.yaml')).stages['data']?.status).toBe('cached');
});
