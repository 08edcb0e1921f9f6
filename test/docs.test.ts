/** The documentation says what the program does. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { referencePages } from '../scripts/generate-docs.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const pages = ['README.md', 'CHANGELOG.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)].filter(
  (name) => name.endsWith('.md'),
);

describe('reference pages', () => {
  it.each(Object.entries(referencePages(root)))('%s is up to date (`npm run docs` writes it)', (path, text) => {
    expect(readFileSync(join(root, path), 'utf8')).toBe(text);
  });
});

describe('links', () => {
  it.each(pages)('of %s lead somewhere', (page) => {
    const text = readFileSync(join(root, page), 'utf8');
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    for (const link of links) {
      if (/^[a-z]+:/.test(link)) continue;
      const [path = '', anchor] = link.split('#');
      const file = path === '' ? join(root, page) : resolve(root, dirname(page), path);
      expect(existsSync(file), `${page}: ${link}`).toBe(true);
      if (anchor === undefined || !file.endsWith('.md')) continue;
      expect(anchorsOf(readFileSync(file, 'utf8')), `${page}: ${link}`).toContain(anchor);
    }
  });
});

/** As GitHub makes them from headings, and those written out. */
function anchorsOf(text: string): readonly string[] {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
  const ids = [...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id);
  return [...headings, ...ids];
}
