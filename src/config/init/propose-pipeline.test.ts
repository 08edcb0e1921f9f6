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
    expect(proposal.ok && proposal.value.found).toBe('a folder a class (train, validation): ants, bees');
  });

  it('says what would be wanted where there is nothing', async () => {
    const folder = folderWith({ 'notes.txt': 'x', 'only/a.jpg': '' });
    const proposal = proposePipeline(folder, { file: join(folder, 'mine.yaml') });
    expect(proposal.ok ? undefined : proposal.error).toMatchObject({
      code: 'P040',
      help: expect.stringContaining('a train.csv'),
    });
    expect(inspectData(join(folder, 'nowhere'))).toBeUndefined();
  });
});
