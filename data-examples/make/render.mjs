// Renders all example data: `npm install && npm run render`, in this folder. The same seeds give the same pixels.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { between, draws, loadFont, renderGlyph } from './draw.mjs';
import { themes, renderTheme } from './themes.mjs';

const SIZE = 28;
const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const trainFonts = ['roboto', 'lora', 'inconsolata', 'oswald', 'merriweather', 'caveat', 'roboto-slab', 'comic-neue'].map(loadFont);
const otherFonts = ['playfair-display', 'pacifico', 'ubuntu-mono', 'zilla-slab'].map(loadFont);
const name = (i) => `${String(i).padStart(4, '0')}.png`;

function fresh(folder) {
  rmSync(at(folder), { recursive: true, force: true });
  mkdirSync(at(folder), { recursive: true });
}

const writePng = (path, pixels, channels, size) => sharp(pixels, { raw: { width: size, height: size, channels } }).png({ compressionLevel: 9, palette: false }).toFile(path);

/** Fisher and Yates. */
function shuffled(items, draw) {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(draw() * (i + 1));
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

/** 300 labelled digits, 30 of each, and 100 without labels; the latter also in fonts that the former do not show. */
async function digits() {
  const draw = draws(20250101);
  fresh('digits/images/train');
  fresh('digits/images/test');
  const labels = shuffled(Array.from({ length: 300 }, (_, i) => i % 10), draw);
  const rows = [];
  for (const [i, label] of labels.entries()) {
    const font = trainFonts[Math.floor(draw() * trainFonts.length)];
    await writePng(at(`digits/images/train/${name(i)}`), await renderGlyph(font, String(label), SIZE, draw), 1, SIZE);
    rows.push(`${name(i)},${label}`);
  }
  writeFileSync(at('digits/train.csv'), `filename,label\n${rows.join('\n')}\n`);
  const tests = [];
  for (let i = 0; i < 100; i++) {
    const fonts = [...trainFonts, ...otherFonts];
    await writePng(at(`digits/images/test/${name(300 + i)}`), await renderGlyph(fonts[Math.floor(draw() * fonts.length)], String(Math.floor(draw() * 10)), SIZE, draw), 1, SIZE);
    tests.push(name(300 + i));
  }
  writeFileSync(at('digits/test.csv'), `filename\n${tests.join('\n')}\n`);
}

/** Letters and symbols, never digits: what vgg-mini learns from. IDX files, as MNIST's. */
async function glyphs() {
  const draw = draws(20250202);
  fresh('glyphs');
  const characters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%&?@+=<>{}[]'];
  writeFileSync(at('glyphs/classes.txt'), `${characters.join('\n')}\n`);
  for (const [part, each] of [['train', 250], ['test', 20]]) {
    const order = shuffled(characters.flatMap((_, label) => Array.from({ length: each }, () => label)), draw);
    const images = Buffer.alloc(16 + order.length * SIZE * SIZE);
    images.writeUInt32BE(0x803, 0);
    [order.length, SIZE, SIZE].forEach((extent, axis) => images.writeUInt32BE(extent, 4 + axis * 4));
    const labels = Buffer.alloc(8 + order.length);
    labels.writeUInt32BE(0x801, 0);
    labels.writeUInt32BE(order.length, 4);
    const fonts = [...trainFonts, ...otherFonts];
    for (const [i, label] of order.entries()) {
      images.set(await renderGlyph(fonts[Math.floor(draw() * fonts.length)], characters[label], SIZE, draw), 16 + i * SIZE * SIZE);
      labels[8 + i] = label;
    }
    writeFileSync(at(`glyphs/${part}-images-idx3-ubyte`), images);
    writeFileSync(at(`glyphs/${part}-labels-idx1-ubyte`), labels);
  }
}

/** Sixteen kinds of coloured scenes, unbalanced: the most frequent is 44 of 250 (17.6 %). */
async function scenes() {
  const draw = draws(20250303);
  fresh('themes/images/train');
  fresh('themes/images/test');
  const counts = [44, 30, 26, 22, 19, 17, 15, 13, 12, 11, 10, 9, 8, 6, 5, 3];
  const labels = shuffled(counts.flatMap((count, label) => Array.from({ length: count }, () => label)), draw);
  const rows = [];
  for (const [i, label] of labels.entries()) {
    await sharp(renderTheme(themes[label], 64, draw)).png({ compressionLevel: 9 }).toFile(at(`themes/images/train/${name(i)}`));
    rows.push(`${name(i)},${themes[label]}`);
  }
  writeFileSync(at('themes/train.csv'), `filename,label\n${rows.join('\n')}\n`);
  const tests = [];
  for (let i = 0; i < 50; i++) {
    await sharp(renderTheme(themes[Math.floor(between(draw, 0, themes.length))], 64, draw)).png({ compressionLevel: 9 }).toFile(at(`themes/images/test/${name(250 + i)}`));
    tests.push(name(250 + i));
  }
  writeFileSync(at('themes/test.csv'), `filename\n${tests.join('\n')}\n`);
}

await digits();
await scenes();
await glyphs();
