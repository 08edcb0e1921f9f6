import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DatasetRig, listed, rowsOf } from '../../../test/dataset-rig.ts';
import { sharedPath } from '../../../test/shared-data.ts';
import type { Json } from '../../base/json.ts';
import { ingestFolder } from './index.ts';

let rig: DatasetRig;
beforeEach(() => {
  rig = new DatasetRig();
});
afterEach(() => rig[Symbol.dispose]());

const picture = (name: string) => rig.write(name, `picture ${name}`);
const rows = async (given: Json = { train: 'train' }) => listed(await rig.rows(ingestFolder, given));
const faults = async (given: Json = { train: 'train' }) =>
  (await rig.refusal(ingestFolder, given)).map(
    ({ code, message, help, location }) =>
      `${code} ${location?.file} ${message.replaceAll(rig.folder, '')} | ${help?.replaceAll(rig.folder, '')}`,
  );

describe('classes', () => {
  it('are the folders, in order, with images at any depth below them', async () => {
    for (const name of ['train/b/2.jpg', 'train/a/deep/er/1.PNG', 'train/a/0.webp', 'train/B/3.gif']) picture(name);
    expect(await rows()).toEqual([
      ['train', 'B/3.gif', 'B'],
      ['train', 'a/0.webp', 'a'],
      ['train', 'a/deep/er/1.PNG', 'a'],
      ['train', 'b/2.jpg', 'b'],
    ]);
    expect((await rig.rows(ingestFolder, { train: 'train' })).classes).toEqual(['B', 'a', 'b']);
  });

  it('of numbers sort by their value', async () => {
    for (const name of ['train/10/a.png', 'train/9/b.png']) picture(name);
    expect((await rig.rows(ingestFolder, { train: 'train' })).classes).toEqual(['9', '10']);
  });

  it('D10: may be called __proto__ or constructor', async () => {
    for (const name of ['train/__proto__/a.png', 'train/constructor/b.png']) picture(name);
    expect((await rig.rows(ingestFolder, { train: 'train' })).classes).toEqual(['__proto__', 'constructor']);
  });

  it('D16: that differ in case or Unicode form alone are pointed out', async () => {
    for (const name of ['train/caf\u00e9/a.png', 'train/cafe\u0301/b.png', 'train/Ant/c.png', 'train/ant/d.png'])
      picture(name);
    expect((await rig.resolve(ingestFolder, { train: 'train' })).warnings?.map(({ code }) => code)).toEqual([
      'D012',
      'D012',
    ]);
  });

  it('of the test split may be missing: a flat folder is unlabelled', async () => {
    for (const name of ['train/a/1.png', 'test/2.png', 'test/1.png']) picture(name);
    expect(await rows({ train: 'train', test: 'test' })).toEqual([
      ['train', 'a/1.png', 'a'],
      ['test', '1.png', undefined],
      ['test', '2.png', undefined],
    ]);
    picture('test/a/3.png');
    expect((await faults({ train: 'train', test: 'test' }))[0]).toMatch(/^D030 .*1\.png lies beside the class folders/);
  });
});

describe('files', () => {
  it('with odd names are images like others: D17 percent signs, blanks, patterns, D3 control characters', async () => {
    const names = ['%2e%2e.png', 'a b.png', '[x]{y}*.png', '-rf.png', 'é.png', 'line\nbreak.png', '+=@.png'];
    for (const name of names) picture(`train/a/${name}`);
    expect((await rows()).map(([, name]) => name)).toEqual(names.map((name) => `a/${name}`).sort());
  });

  it('that are hidden are left out; others that are no images are refused until they are excluded', async () => {
    for (const name of [
      'train/a/1.png',
      'train/a/.DS_Store',
      'train/.cache/x.png',
      'train/a/Thumbs.db',
      'train/notes.txt',
      'train/a/README',
    ])
      picture(name);
    expect(await faults()).toEqual([
      "D030 pipeline.yaml:train /train/a/README is no image | leave it out: exclude: ['README']",
      "D030 pipeline.yaml:train /train/a/Thumbs.db is no image | leave it out: exclude: ['*.db']",
      "D030 pipeline.yaml:train /train/notes.txt is no image | leave it out: exclude: ['*.txt']",
    ]);
    expect(await rows({ train: 'train', exclude: ['README', '*.db', '*.txt'] })).toEqual([['train', 'a/1.png', 'a']]);
  });

  it('are excluded by patterns with and without folders', async () => {
    for (const name of ['train/a/1.png', 'train/a/2.gif', 'train/b/deep/3.gif', 'train/b/4.png', 'train/c/5.png'])
      picture(name);
    expect(await rows({ train: 'train', exclude: ['*.gif', 'c/**'] })).toEqual([
      ['train', 'a/1.png', 'a'],
      ['train', 'b/4.png', 'b'],
    ]);
  });

  it('D14: of the wrong kind are counted, the first twenty told', async () => {
    for (let i = 10; i < 40; i++) picture(`train/a/${i}.txt`);
    const found = await faults();
    expect(found).toHaveLength(21);
    expect(found.at(-1)).toMatch(/and 10 more .*30 in all/);
  });

  it('D2: are followed through links inside the folder, refused where one leaves it or leads to nothing', async () => {
    for (const name of ['train/a/1.png', 'outside/2.png']) picture(name);
    picture('train/b/3.png');
    symlinkSync('1.png', rig.path('train/a/same.png'));
    expect((await rows()).map(([, name]) => name)).toEqual(['a/1.png', 'a/same.png', 'b/3.png']);
    symlinkSync(rig.path('outside/2.png'), rig.path('train/b/file.png'));
    symlinkSync(rig.path('outside'), rig.path('train/linked'));
    symlinkSync('nothing.png', rig.path('train/a/dead.png'));
    const found = (await faults()).sort();
    expect(found).toEqual([
      expect.stringMatching(/^D014 .*\/train\/a\/dead\.png is a link to a file that does not exist/),
      expect.stringMatching(/^D014 .*\/train\/b\/file\.png is a link that leaves the image folder .*exclude/),
      expect.stringMatching(/^D014 .*\/train\/linked\/2\.png is a link that leaves/),
    ]);
    rmSync(rig.path('train/a/dead.png'));
    expect(await rows({ train: 'train', exclude: ['file.png', 'linked/**'] })).toHaveLength(3);
  });

  it('D2: the folder itself may be a link', async () => {
    picture('elsewhere/a/1.png');
    symlinkSync(rig.path('elsewhere'), rig.path('train'));
    expect(await rows()).toEqual([['train', 'a/1.png', 'a']]);
  });

  it('D15: the same image in two classes is refused, twice in one pointed out', async () => {
    rig.write('train/a/1.png', 'one');
    rig.write('train/a/2.png', 'one');
    expect((await rig.resolve(ingestFolder, { train: 'train' })).warnings).toMatchObject([{ code: 'D011' }]);
    rig.write('train/b/3.png', 'one');
    expect((await faults())[0]).toMatch(/^D010 .*b\/3\.png is the same image as a\/1\.png, but labelled "b" and "a"/);
  });

  it('I6: of another format than the name says are noted', async () => {
    rig.write('train/a/1.png', 'GIF89a');
    expect((await rig.resolve(ingestFolder, { train: 'train' })).warnings).toMatchObject([
      { code: 'D018', message: 'a/1.png is a GIF by its content' },
    ]);
  });
});

describe('D11: refused', () => {
  it('a folder that is not there, is a file, or is empty', async () => {
    expect((await faults())[0]).toMatch(/^D001 pipeline\.yaml:train no such folder: \/train/);
    rig.write('file', '');
    expect((await faults({ train: 'file' }))[0]).toMatch(/^D001/);
    mkdir('train/a/x');
    expect((await faults())[0]).toMatch(/^D030 .*has no images \| one folder a class/);
  });
});

describe('the memo', () => {
  // An hour later, so that the memo trusts the stamps of files.
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const identity = async () => (await rig.resolve(ingestFolder, { train: 'train' })).identity;

  it.each([
    ['in a class', 'train/a/2.png'],
    ['in a new class', 'train/z/2.png'],
    ['in a class that was empty', 'train/empty/2.png'],
    ['in a folder that had only folders', 'train/a/deep/2.png'],
  ])('sees an image that comes %s', async (_, name) => {
    picture('train/a/1.png');
    picture('train/a/deep/er/1.png');
    mkdir('train/empty/x');
    const planned = await rig.resolve(ingestFolder, { train: 'train' });
    const listing = vi.spyOn(rig.memo, 'set');
    expect(await identity()).toEqual(planned.identity);
    expect(listing).not.toHaveBeenCalled();
    picture(name);
    const table = await rig.rows(ingestFolder, { train: 'train' });
    expect(listed(table).map(([, found]) => found)).toContain(name.replace('train/', ''));
    expect(await rowsOf(planned)).toHaveProperty('count', 2);
  });

  it('sees an image that goes, changes or moves to another class', async () => {
    picture('train/a/1.png');
    picture('train/b/2.png');
    picture('train/b/3.png');
    const seen = new Set([JSON.stringify(await identity())]);
    rig.write('train/b/3.png', 'another');
    seen.add(JSON.stringify(await identity()));
    rmSync(rig.path('train/b/3.png'));
    seen.add(JSON.stringify(await identity()));
    rig.write('train/a/3.png', 'another');
    seen.add(JSON.stringify(await identity()));
    expect(seen.size).toBe(4);
  });
});

/** The path, its folder made. */
function mkdir(name: string): string {
  const path = rig.path(name);
  mkdirSync(path.slice(0, path.lastIndexOf('/')), { recursive: true });
  return path;
}

const hymenoptera = sharedPath('datasets/hymenoptera');
it.skipIf(!hymenoptera)('reads real photographs (skipped where they are missing)', async () => {
  const given = { train: `${hymenoptera}/train`, validation: `${hymenoptera}/val`, exclude: ['*.gif'] };
  const table = await rig.rows(ingestFolder, given);
  expect(table.classes).toEqual(['ants', 'bees']);
  expect([table.rowsOf('train').length, table.rowsOf('validation').length]).toEqual([244, 153]);
});
