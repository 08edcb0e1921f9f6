import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { locateProject } from './project.ts';

const folder = mkdtempSync(join(tmpdir(), 'pipe-project-'));
mkdirSync(join(folder, 'a', 'pipelines'), { recursive: true });

afterEach(() => rmSync(join(folder, 'package.json'), { force: true }));

it.each([
  ['a/own.yaml', 'a'],
  ['a/pipelines/own.yaml', 'a'],
  ['pipelines.yaml', '.'],
])('without a marker, %s belongs to a project in %s', (file, root) => {
  expect(locateProject(join(folder, file), {}).root).toBe(join(folder, root));
});

it('a marker above counts before the file’s own folder', () => {
  writeFileSync(join(folder, 'package.json'), '{}');
  expect(locateProject(join(folder, 'a/pipelines/own.yaml'), {}).root).toBe(folder);
});
