/** The documentation says what the program does. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { referencePages } from '../scripts/generate-docs.ts';
import { parsePipeline } from '../src/config/parse-pipeline.ts';
import { stageKinds } from '../src/stages/index.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const pages = ['README.md', 'CHANGELOG.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)].filter(
  (name) => name.endsWith('.md'),
);
const textOf = (page: string) => readFileSync(join(root, page), 'utf8');

describe('reference pages', () => {
  it.each(Object.entries(referencePages(root)))('%s is up to date (`npm run docs` writes it)', (path, text) => {
    expect(textOf(path), `${path} is out of date: \`npm run docs\` writes it`).toBe(text);
  });
});

describe('links', () => {
  it.each(pages)('of %s lead somewhere', (page) => {
    const links = [...withoutFences(textOf(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    for (const link of links) {
      if (/^[a-z]+:/.test(link)) continue;
      const [path = '', anchor] = link.split('#');
      const file = path === '' ? join(root, page) : resolve(root, dirname(page), path);
      expect(existsSync(file), `${page}: ${link}`).toBe(true);
      if (anchor === undefined || !file.endsWith('.md')) continue;
      expect(anchorsOf(readFileSync(file, 'utf8')), `${page}: ${link}`).toContain(anchor);
    }
  });

  it('of the README reach every page', () => {
    const links = [...textOf('README.md').matchAll(/\]\(([^)\s#]+)/g)].map(([, target]) => target);
    expect(pages.filter((page) => page.startsWith('docs/') && !links.includes(page))).toEqual([]);
  });
});

it('the page on the architecture lists the folders of src', () => {
  const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const rows = textOf('docs/architecture.md').matchAll(/^\| ((?:`[a-z]+\/`(?:, )?)+) \|/gm);
  const listed = [...rows].flatMap(([, names = '']) => [...names.matchAll(/`([a-z]+)\/`/g)].map(([, name]) => name));
  const shared = ['backbone', 'inputs', 'training'];
  expect(listed.filter((name) => !shared.includes(name ?? '')).sort()).toEqual(folders.map(({ name }) => name).sort());
});

describe('examples in YAML', () => {
  const folder = mkdtempSync(join(tmpdir(), 'docs-'));
  mkdirSync(join(folder, 'pipelines'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const examples = pages.flatMap((page) =>
    [...textOf(page).matchAll(/^```ya?ml(.*)\n([\s\S]*?)^```$/gm)].map(([, flag = '', text = ''], i) => ({
      name: `${page}, number ${i + 1}`,
      flag: flag.trim(),
      text,
    })),
  );

  it('are whole files, the stages of one, or say that they are fragments', () => {
    expect(examples.filter(({ flag }) => !['', 'stages', 'fragment'].includes(flag))).toEqual([]);
    expect(examples.filter(({ flag }) => flag === '').length).toBeGreaterThan(0);
  });

  it.each(examples.filter(({ flag }) => flag !== 'fragment'))('are right: $name', async ({ name, flag, text }) => {
    const file = join(folder, 'pipelines', `${name.replace(/\W+/g, '-')}.yaml`);
    writeFileSync(file, flag === 'stages' ? `stages:\n${text.replace(/^/gm, '  ')}` : text);
    const parsed = await parsePipeline(file, {
      kinds: stageKinds,
      overrides: [],
      environment: { DATA: '/data' },
      root: folder,
    });
    expect(parsed.ok ? [] : parsed.error).toEqual([]);
  });
});

function withoutFences(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '');
}

/** As GitHub makes them from headings, and those written out. */
function anchorsOf(text: string): readonly string[] {
  const headings = [...withoutFences(text).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
  const ids = [...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id);
  return [...headings, ...ids];
}
