/** Makes the reference pages of `docs/` from what the program itself goes by: codes, schemas, stage kinds, commands. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codes } from '../src/base/codes/index.ts';
import { pipelineSchema, stageSchema } from '../src/config/pipeline-schema.ts';
import { commandsTables } from './commands-tables.ts';
import { settingsOf, settingsTable, table } from './settings-table.ts';
import { stagesPage } from './stages-page.ts';

/** Path below the root to text. */
export function referencePages(root: string): Readonly<Record<string, string>> {
  const written = (name: string) => readFileSync(join(root, 'scripts', 'pages', name), 'utf8').trim();
  return {
    'docs/errors.md': page('Errors', 'src/base/codes/', errorsPage()),
    'docs/stages.md': page('Stage kinds', 'src/stages/', stagesPage(root)),
    'docs/pipeline-file.md': page('The pipeline file', 'scripts/pages/pipeline-file.md', [
      written('pipeline-file.md'),
      ...keysOfFile(),
    ]),
    'docs/commands.md': page('Commands', 'scripts/pages/commands.md and src/cli/program.ts', [
      written('commands.md'),
      ...commandsTables(),
    ]),
  };
}

function page(title: string, source: string, parts: readonly string[]): string {
  const note = `<!-- Made from ${source} by \`npm run docs\`: edit there, not here. -->`;
  return `${[`# ${title}`, note, ...parts].join('\n\n')}\n`;
}

const areas: Readonly<Record<string, string>> = {
  P: 'The pipeline file',
  U: 'Usage',
  D: 'Data',
  I: 'Images',
  M: 'Models and weights',
  N: 'Network',
  E: 'Engines',
  K: 'Cache and outputs',
  L: 'Lock files and git',
  S: "A stage's own outcome",
  T: 'Other tools',
  X: 'Bugs',
};

function errorsPage(): readonly string[] {
  const all = Object.entries(codes).sort(([a], [b]) => (a < b ? -1 : 1));
  const stray = all.find(([code]) => areas[code.charAt(0)] === undefined);
  if (stray) throw new Error(`${stray[0]} belongs to no area`);
  const sections = Object.entries(areas).flatMap(([letter, title]) => {
    const rows = all.filter(([code]) => code.startsWith(letter));
    if (rows.length === 0) return [];
    return [
      `## ${title}`,
      table(
        ['code', 'fault', 'exit code', 'cause and way out'],
        rows.map(([code, { exit, title: fault, explanation }]) => [
          `<a id="${code.toLowerCase()}"></a>${code}`,
          fault,
          String(exit),
          explanation,
        ]),
      ),
    ];
  });
  return [
    'Every failure has a code that stays the same, what is wrong, the place where there is one, and what to do. `pipe explain CODE` prints a row of this page. The exit code names the [kind of fault](commands.md#exit-codes).',
    ...sections,
  ];
}

function keysOfFile(): readonly string[] {
  return [
    '## Every key of the file',
    settingsTable(settingsOf(pipelineSchema)),
    '## Every key of a stage',
    settingsTable(settingsOf(stageSchema)),
    'The settings under `with` are those of the [stage kind](stages.md).',
  ];
}
