import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderWith, problemsOf } from '../../../test/pipeline-rig.ts';
import { stageKinds } from '../../stages/index.ts';
import { parsePipeline } from '../parse-pipeline.ts';
import { inspectData } from './inspect-data.ts';
import { proposePipeline } from './propose-pipeline.ts';

const csv = {
  'data/train.csv': 'filename,label\n1.png,7\n',
  'data/test.csv': 'filename\n2.png\n',
  'data/images/train/1.png': '',
  'data/images/test/2.png': '',
};
const photos = { 'train/ants/a.jpg': '', 'train/bees/b.jpg': '', 'val/ants/c.jpg': '', 'val/bees/d.jpg': '' };
const idx = { 'train-images-idx3-ubyte.gz': '', 'train-labels-idx1-ubyte.gz': '', 't10k-images-idx3-ubyte.gz': '' };

describe('a proposal', () => {
  it.each([
    ['CSV files', csv, 'data'],
    ['a CSV of another shape', { 'list.csv': 'breed;image\nx;a.jpg\n', 'a.jpg': '' }, 'list.csv'],
    ['a folder a class', photos, '.'],
    ['a folder a class without splits', { 'ants/a.jpg': '', 'bees/b.jpg': '', '.git/x.jpg': '' }, '.'],
    ['IDX files', idx, '.'],
  ])('for %s is a pipeline that is right', async (_, files, data) => {
    const folder = folderWith(files);
    const file = join(folder, 'mine.yaml');
    const proposal = proposePipeline(join(folder, data), { file });
    if (!proposal.ok) throw new Error(proposal.error.message);
    writeFileSync(file, proposal.value.text);
    const parsed = await parsePipeline(file, { kinds: stageKinds, overrides: [], environment: {}, root: folder });
    expect(problemsOf(parsed)).toEqual([]);
    expect(parsed.ok && parsed.value.config.name).toBe('mine');
    expect(proposal.value.text).toMatch(/^# yaml-language-server: \$schema=.*schemas\/pipeline\.schema\.json\n/);
    expect(proposal.value.next).toMatch(/^pipe run .*mine\.yaml$/);
  });

  it('reads every split and names the columns that are not the usual ones', async () => {
    const folder = folderWith(csv);
    const proposal = proposePipeline(join(folder, 'data'), { file: join(folder, 'pipelines/mine.yaml') });
    const text = proposal.ok ? proposal.value.text : '';
    expect(text).toContain('train: { csv: ../data/train.csv, images: ../data/images/train }');
    expect(text).toContain('test: { csv: ../data/test.csv, images: ../data/images/test }');
    expect(text).toContain('kind: split');
    const other = folderWith({ 'list.csv': 'breed;image\nx;a.jpg\n', 'a.jpg': '' });
    const named = proposePipeline(join(other, 'list.csv'), { file: join(other, 'mine.yaml') });
    expect(named.ok && named.value.text).toContain(
      'train: { csv: list.csv, images: ., filenameColumn: image, labelColumn: breed, delimiter: ";" }',
    );
  });

  it('takes the validation folder that is there instead of splitting', async () => {
    const folder = folderWith(photos);
    const proposal = proposePipeline(folder, { file: join(folder, 'mine.yaml') });
    expect(proposal.ok && proposal.value.text).not.toContain('kind: split');
    expect(proposal.ok && proposal.value.found).toMatch(/: a folder a class \(train, validation\): ants, bees$/);
  });

  it('finds the data in a folder below, and asks where several have some', () => {
    const folder = folderWith({ 'pictures/ants/a.jpg': '', 'pictures/bees/b.jpg': '', 'notes/x.txt': '' });
    const proposal = proposePipeline(folder, { file: join(folder, 'mine.yaml') });
    expect(proposal.ok && proposal.value.text).toContain('train: pictures ');
    const deeper = folderWith({ 'data/pictures/ants/a.jpg': '', 'data/pictures/bees/b.jpg': '' });
    const below = proposePipeline(deeper, { file: join(deeper, 'mine.yaml') });
    expect(below.ok && below.value.text).toContain('train: data/pictures ');
    const two = folderWith({
      'a/x/1.png': '',
      'a/y/2.png': '',
      'b/train.csv': 'filename,label\n1.png,x\n',
      'b/1.png': '',
    });
    const refused = proposePipeline(two, { file: join(two, 'mine.yaml') });
    expect(refused.ok ? undefined : refused.error).toMatchObject({
      code: 'P040',
      message: expect.stringMatching(/several folders with data: a, b$/),
      help: 'say which is meant: --data a',
    });
  });

  it('leaves its own files out where it lies among the class folders, and is called by its folder', () => {
    const folder = folderWith({ 'pets/ants/a.jpg': '', 'pets/bees/b.jpg': '' });
    const inside = proposePipeline(join(folder, 'pets'), { file: join(folder, 'pets/pipeline.yaml') });
    expect(inside.ok && inside.value.text).toMatch(/^ {6}exclude: \['\*\.yaml', 'results\/\*\*'\]/m);
    expect(inside.ok && inside.value.text).toMatch(/^pipeline: pets$/m);
    const beside = proposePipeline(join(folder, 'pets'), { file: join(folder, 'pets.yaml') });
    expect(beside.ok && beside.value.text).not.toMatch(/^ *exclude/m);
  });

  it('says what would be wanted where there is nothing', async () => {
    const folder = folderWith({ 'notes.txt': 'x', 'only/a.jpg': '' });
    const proposal = proposePipeline(folder, { file: join(folder, 'mine.yaml') });
    expect(proposal.ok ? undefined : proposal.error).toMatchObject({
      code: 'P040',
      help: expect.stringContaining('a train.csv'),
    });
    expect(inspectData(join(folder, 'nowhere'))).toBeUndefined();
    const nowhere = proposePipeline(join(folder, 'nowhere'), { file: join(folder, 'mine.yaml') });
    expect(nowhere.ok ? '' : nowhere.error.message).toMatch(/^there is no folder .*nowhere$/);
  });
});
