// Seeded draws and the rendering of one distorted glyph.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import opentype from 'opentype.js';
import sharp from 'sharp';

/** Mulberry32 (Tommy Ettinger, public domain): a small generator, the same on every machine. */
export function draws(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export const between = (draw, low, high) => low + (high - low) * draw();

export function loadFont(name) {
  const path = fileURLToPath(new URL(`./node_modules/@fontsource/${name}/files/${name}-latin-400-normal.woff`, import.meta.url));
  const bytes = readFileSync(path);
  return opentype.parse(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** Grey bytes of a glyph, white on black, shifted, turned, sheared, thickened and with noise. */
export async function renderGlyph(font, character, size, draw) {
  const path = font.getPath(character, 0, 0, 100);
  const box = path.getBoundingBox();
  const [width, height] = [Math.max(1, box.x2 - box.x1), Math.max(1, box.y2 - box.y1)];
  const scale = (size * between(draw, 0.62, 0.8)) / Math.max(width, height);
  const turn = between(draw, -14, 14);
  const shear = between(draw, -14, 14);
  const [dx, dy] = [between(draw, -2, 2), between(draw, -2, 2)];
  const stroke = between(draw, 0, 4);
  const transform = `translate(${size / 2 + dx} ${size / 2 + dy}) rotate(${turn}) skewX(${shear}) scale(${scale}) translate(${-(box.x1 + width / 2)} ${-(box.y1 + height / 2)})`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}"><rect width="100%" height="100%" fill="black"/><g transform="${transform}"><path d="${path.toPathData(3)}" fill="white" stroke="white" stroke-width="${stroke}"/></g></svg>`;
  const pixels = await sharp(Buffer.from(svg)).greyscale().blur(between(draw, 0.3, 0.8)).toColourspace('b-w').raw().toBuffer();
  const noise = between(draw, 4, 26);
  for (let i = 0; i < pixels.length; i++) pixels[i] = Math.max(0, Math.min(255, Math.round(pixels[i] + (draw() + draw() + draw() - 1.5) * noise)));
  return pixels;
}
