import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import type { Json } from '../../base/json.ts';
import { type Row, RowTable, type Split, UNLABELLED } from '../../data/row-table.ts';
import { split } from './index.ts';

interface Example {
  /** What its pixels are. */
  readonly image: number;
  readonly label: number;
  readonly name?: string;
  readonly split?: Split;
}

function tableOf(examples: readonly Example[], classes = 4): RowTable {
  return RowTable.from(
    Array.from({ length: classes }, (_, label) => `class ${label}`),
    examples.map(
      ({ image, label, name, split: part = 'train' }, i): Row => ({
        split: part,
        part,
        label,
        key: Buffer.from(digestOf(`image ${image}`), 'hex'),
        name: name ?? `${i}.png`,
      }),
    ),
  );
}

function tried(given: Json, table: RowTable, seed = 1) {
  return split.deriveRows?.(split.complete(given), table, seed);
}

function made(given: Json, table: RowTable, seed = 1): RowTable {
  const rows = tried(given, table, seed);
  if (!rows?.ok) throw new Error(JSON.stringify(rows?.error));
  return rows.value;
}

function refusal(given: Json, table: RowTable): string {
  const rows = tried(given, table);
  return rows?.ok === false
    ? rows.error.map(({ code, message, help }) => `${code} ${message} | ${help}`).join('\n')
    : '';
}

/** Sides by image. */
const sidesOf = (table: RowTable) =>
  new Map(Array.from({ length: table.count }, (_, row) => [table.digest(row), table.splitOf(row)]));
const counts = (table: RowTable, side: Split) => {
  const found = table.classes.map(() => 0);
  for (const row of table.rowsOf(side)) {
    const label = table.label[row] ?? -1;
    if (label >= 0) found[label] = (found[label] ?? 0) + 1;
  }
  return found;
};
const total = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0);

/** Distinct images, at least four of every class that there is. */
const distinct = fc
  .array(fc.nat({ max: 3 }), { minLength: 4, maxLength: 60 })
  .map((labels) =>
    [0, 1, 2, 3, ...labels].flatMap((label) => [label, label, label, label]).map((label, image) => ({ image, label })),
  );
const share = fc.double({ min: 0.05, max: 0.6, noNaN: true });
const seeds = fc.nat({ max: 1000 });

describe('split', () => {
  it('moves at most the image at the boundary when one is added, wherever in the file', () => {
    fc.assert(
      fc.property(distinct, share, seeds, fc.nat({ max: 3 }), fc.nat(), (rows, validation, seed, label, place) => {
        const before = sidesOf(made({ validation }, tableOf(rows), seed));
        const more = rows.toSpliced(place % rows.length, 0, { image: 1_000_000, label });
        const after = sidesOf(made({ validation }, tableOf(more), seed));
        const moved = [...before].filter(([image, side]) => after.get(image) !== side);
        expect(moved.length).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('does not hang on the order of the file or the names in it', () => {
    fc.assert(
      fc.property(distinct, share, seeds, (rows, validation, seed) => {
        const renamed = rows.map((row) => ({ ...row, name: `other/${row.image}.jpg` })).reverse();
        expect(sidesOf(made({ validation }, tableOf(renamed), seed))).toEqual(
          sidesOf(made({ validation }, tableOf(rows), seed)),
        );
      }),
    );
  });

  it('keeps copies of an image on one side', () => {
    const copies = fc.array(fc.tuple(fc.nat({ max: 3 }), fc.integer({ min: 1, max: 4 })), {
      minLength: 20,
      maxLength: 40,
    });
    fc.assert(
      fc.property(copies, seeds, fc.boolean(), (images, seed, stratify) => {
        const rows = images.flatMap(([label, times], image) =>
          Array.from({ length: times }, () => ({ image, label: image < 8 ? image % 4 : label })),
        );
        const rest = tried({ validation: 0.2, test: 0.2, stratify }, tableOf(rows), seed);
        fc.pre(rest?.ok === true);
        const table = made({ validation: 0.2, test: 0.2, stratify }, tableOf(rows), seed);
        const sides = sidesOf(table);
        for (let row = 0; row < table.count; row++) expect(table.splitOf(row)).toBe(sides.get(table.digest(row)));
      }),
    );
  });

  it('takes the same share of every class', () => {
    fc.assert(
      fc.property(distinct, share, seeds, (rows, validation, seed) => {
        const table = tableOf(rows);
        const all = counts(table, 'train');
        expect(counts(made({ validation }, table, seed), 'validation')).toEqual(
          all.map((count) => Math.round(validation * count)),
        );
      }),
    );
  });

  it('gives a number of rows exactly, shared out by the size of the classes', () => {
    fc.assert(
      fc.property(distinct, fc.nat(), seeds, fc.boolean(), (rows, number, seed, stratify) => {
        const validation = 1 + (number % Math.floor(rows.length / 2));
        const table = tableOf(rows);
        const found = counts(made({ validation, stratify }, table, seed), 'validation');
        expect(total(found)).toBe(validation);
        if (stratify)
          counts(table, 'train').forEach((count, label) => {
            expect(Math.abs((found[label] ?? 0) - (validation * count) / rows.length)).toBeLessThanOrEqual(1);
          });
      }),
    );
  });

  it('changes with the seed, which may be its own', () => {
    const table = tableOf(Array.from({ length: 60 }, (_, image) => ({ image, label: image % 2 })));
    const sides = (given: Json, seed: number) => sidesOf(made(given, table, seed));
    expect(sides({ validation: 0.3 }, 1)).toEqual(sides({ validation: 0.3 }, 1));
    expect(sides({ validation: 0.3 }, 1)).not.toEqual(sides({ validation: 0.3 }, 2));
    expect(sides({ validation: 0.3, seed: 5 }, 1)).toEqual(sides({ validation: 0.3 }, 5));
  });

  it('adds test images to a smaller share without moving the validation images', () => {
    const table = tableOf(Array.from({ length: 80 }, (_, image) => ({ image, label: image % 4 })));
    const one = sidesOf(made({ validation: 0.25 }, table));
    const both = sidesOf(made({ validation: 0.25, test: 0.25 }, table));
    for (const [image, side] of one) if (side === 'validation') expect(both.get(image)).toBe('validation');
    expect([...both.values()].filter((side) => side === 'test')).toHaveLength(20);
  });

  it('leaves unlabelled rows, given validation rows and the table order as they are', () => {
    const rows: Example[] = [
      { image: 1, label: UNLABELLED, split: 'test' },
      { image: 2, label: 0, split: 'validation' },
      { image: 3, label: UNLABELLED },
      ...Array.from({ length: 20 }, (_, i) => ({ image: 10 + i, label: i % 2 })),
    ];
    const table = tableOf(rows);
    const after = made({ validation: 0.5 }, table);
    expect(Array.from({ length: after.count }, (_, row) => after.name(row))).toEqual(rows.map((_, i) => `${i}.png`));
    expect([after.splitOf(0), after.splitOf(1), after.splitOf(2)]).toEqual(['test', 'validation', 'train']);
    expect(after.rowsOf('validation')).toHaveLength(11);
    expect(Array.from({ length: after.count }, (_, row) => after.partOf(row))).toEqual(
      rows.map((row) => row.split ?? 'train'),
    );
  });
});

describe('groupBy', () => {
  /** Photos of persons, each in several classes. */
  const photos = fc
    .array(fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 3 })), { minLength: 40, maxLength: 80 })
    .map((pairs) => pairs.map(([person, label], image) => ({ image, label, name: `person-${person}_${image}.png` })));

  it('never cuts a group in two, not even one of several classes', () => {
    fc.assert(
      fc.property(
        photos,
        seeds,
        fc.boolean(),
        fc.constantFrom({ validation: 0.3 }, { folds: 3, fold: 2 }),
        (rows, seed, stratify, how) => {
          const given = { ...how, stratify, groupBy: '^person-(\\d+)' };
          const rest = tried(given, tableOf(rows), seed);
          fc.pre(rest?.ok === true);
          const table = made(given, tableOf(rows), seed);
          const sides = new Map<string, Set<string>>();
          for (let row = 0; row < table.count; row++) {
            const person = table.name(row).split('_')[0] ?? '';
            sides.set(person, (sides.get(person) ?? new Set()).add(table.splitOf(row)));
          }
          for (const [person, found] of sides) expect([person, found.size]).toEqual([person, 1]);
        },
      ),
    );
  });

  it('is refused with a reason where it is no expression', () => {
    const table = tableOf([{ image: 1, label: 0 }]);
    expect(refusal({ validation: 0.5, groupBy: '(' }, table)).toMatch(/^D016 groupBy is no regular expression/);
  });
});

describe('folds', () => {
  it('put every row into exactly one fold, every class evenly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 5 }), fc.integer({ min: 5, max: 12 }), seeds, (folds, each, seed) => {
        const rows = Array.from({ length: each * 3 }, (_, image) => ({ image, label: image % 3 }));
        const table = tableOf(rows, 3);
        const aside = Array.from({ length: folds }, (_, i) => made({ folds, fold: i + 1 }, table, seed)).map(
          (fold) => ({
            images: [...fold.rowsOf('validation')].map((row) => fold.digest(row)),
            counts: counts(fold, 'validation'),
          }),
        );
        const all = aside.flatMap(({ images }) => images);
        expect(all).toHaveLength(rows.length);
        expect(new Set(all).size).toBe(rows.length);
        for (const { counts: found } of aside)
          for (const count of found) expect(Math.abs(count - each / folds)).toBeLessThan(1);
      }),
    );
  });

  it('are refused beyond their number, and beside validation', () => {
    const table = tableOf([{ image: 1, label: 0 }]);
    expect(refusal({ validation: 1.5 }, table)).toMatch(/^D016 validation: 1\.5 is neither a share/);
    expect(refusal({ folds: 3, fold: 4 }, table)).toMatch(/^D016 there is no fold 4 of 3/);
    expect(refusal({ folds: 3, validation: 0.2 }, table)).toMatch(/^D016 .*both say/);
  });
});

describe('take', () => {
  const table = tableOf([
    ...Array.from({ length: 40 }, (_, image) => ({ image, label: image % 4 })),
    ...Array.from({ length: 10 }, (_, i) => ({ image: 100 + i, label: UNLABELLED, split: 'test' as const })),
  ]);

  it('draws a number of labelled rows; fewer are part of more', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), seeds, (a, b, seed) => {
        const images = (take: number) => [...sidesOf(made({ take: { train: take } }, table, seed)).keys()];
        const [less, more] = [images(Math.min(a, b)), new Set(images(Math.max(a, b)))];
        expect(less).toHaveLength(Math.min(a, b) + 10);
        expect(less.every((image) => more.has(image))).toBe(true);
      }),
    );
  });

  it('by split leaves the other one whole', () => {
    const some = made({ take: { train: 8, test: 3 } }, table);
    expect([some.rowsOf('train').length, some.rowsOf('test').length]).toEqual([8, 3]);
    expect(made({ take: { test: 3 } }, table).rowsOf('train')).toHaveLength(40);
  });

  it('takes so many of every class, or all where there are fewer', () => {
    const uneven = tableOf(
      Array.from({ length: 12 }, (_, image) => ({ image, label: image < 2 ? 0 : 1 })),
      2,
    );
    expect(counts(made({ takePerClass: 5 }, uneven), 'train')).toEqual([2, 5]);
  });

  it('draws from what it takes for the split', () => {
    const some = made({ take: 20, validation: 0.25 }, table);
    expect(some.rowsOf('validation').length + some.rowsOf('train').length).toBe(20);
  });

  it('of more rows than there are is refused with the number', () => {
    expect(refusal({ take: 41 }, table)).toBe('D016 take asks for 41 rows, but there are 40 | at most 40');
  });
});

describe('refused', () => {
  it('D11: a split of nothing labelled', () => {
    expect(refusal({ validation: 0.3 }, tableOf([{ image: 1, label: UNLABELLED }]))).toMatch(
      /^D016 there are no labelled training rows/,
    );
  });

  it('D11: a class that would have no training rows left', () => {
    const rows = [...Array.from({ length: 10 }, (_, image) => ({ image, label: 0 })), { image: 99, label: 1 }];
    expect(refusal({ validation: 0.5 }, tableOf(rows, 2))).toMatch(/^D016 nothing is left to train on for class 1/);
    expect(refusal({ validation: 1000, stratify: false }, tableOf(rows, 2))).toMatch(/^D016 nothing is left/);
  });
});
