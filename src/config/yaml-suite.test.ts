/** The YAML 1.2 conformance suite: what is YAML is read, with its values; what is not is refused. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect, it } from 'vitest';
import { sharedPath } from '../../test/shared-data.ts';
import { jsonOf } from './located.ts';
import { composeYaml } from './read-yaml.ts';
import { sourceText } from './source-text.ts';

const suite = sharedPath('corpora/yaml-test-suite/data');

/** Directives without a document, and twice: the `yaml` package takes them, and so the loader. (2JQS is refused as P011.) */
const DIFFERENT = new Set(['9MMA', 'SF5V']);
/** Refused here although it is YAML: duplicates aside, these would change or lose something silently. */
const OUR_OWN = new Set(['P006', 'P007', 'P008', 'P009', 'P011', 'P017', 'P033']);

interface Case {
  readonly name: string;
  readonly yaml: string;
  readonly fails: boolean;
  readonly json: string | undefined;
}

function casesIn(folder: string, name: string): readonly Case[] {
  if (!existsSync(join(folder, 'in.yaml'))) {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap((entry) => casesIn(join(folder, entry.name), `${name}/${entry.name}`));
  }
  const json = join(folder, 'in.json');
  return [
    {
      name,
      yaml: readFileSync(join(folder, 'in.yaml'), 'utf8'),
      fails: existsSync(join(folder, 'error')),
      json: existsSync(json) ? readFileSync(json, 'utf8') : undefined,
    },
  ];
}

const cases = suite === undefined ? [] : casesIn(suite, '').map((one) => ({ ...one, name: one.name.slice(1) }));

function readCase(yaml: string) {
  const { node, problems } = composeYaml(sourceText('/suite.yaml', yaml));
  return {
    node,
    codes: problems.map(({ code }) => code),
    version: problems.some(({ message }) => message.startsWith('the file declares YAML')),
  };
}

it.skipIf(suite === undefined)('has the verdicts of the suite, which is not on every machine', () => {
  expect(cases).toHaveLength(402);
  const wrong = cases.filter(({ yaml, fails }) => {
    const { codes, version } = readCase(yaml);
    const refused = codes.includes('P001') && !version;
    return fails ? codes.length === 0 : refused;
  });
  expect(wrong.map(({ name }) => name.slice(0, 4)).sort()).toEqual([...DIFFERENT].sort());
});

it.skipIf(suite === undefined)('reads the values of the suite, which is not on every machine', () => {
  const compared = cases.filter(
    ({ json, fails, yaml }) => json !== undefined && !fails && readCase(yaml).codes.length === 0,
  );
  expect(compared.length).toBeGreaterThan(200);
  const wrong = compared.filter(({ yaml, json = '' }) => {
    const { node } = readCase(yaml);
    // Several documents give several values, one after the other; an empty one gives none.
    return json.trim() !== '' && !isDeepStrictEqual(node ? jsonOf(node) : null, JSON.parse(json));
  });
  expect(wrong.map(({ name }) => name)).toEqual([]);
});

it.skipIf(suite === undefined)('refuses what is YAML only for reasons of its own (suite not on every machine)', () => {
  const reasons = new Set(
    cases
      .filter(({ fails }) => !fails)
      .flatMap(({ yaml, name }) => (DIFFERENT.has(name) ? [] : readCase(yaml).codes.filter((code) => code !== 'P001'))),
  );
  expect([...reasons].filter((code) => !OUR_OWN.has(code))).toEqual([]);
});
