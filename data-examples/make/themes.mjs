// Sixteen kinds of small coloured scenes, as SVG.
import { between } from './draw.mjs';

const colour = (draw) => `hsl(${Math.floor(draw() * 360)} ${Math.floor(between(draw, 45, 95))}% ${Math.floor(between(draw, 30, 75))}%)`;
const repeat = (count, make) => Array.from({ length: count }, (_, i) => make(i)).join('');

const painters = {
  balloons: (s, d) => repeat(4, () => `<circle cx="${between(d, 8, s - 8)}" cy="${between(d, 8, s - 22)}" r="${between(d, 5, 9)}" fill="${colour(d)}"/><line x1="${between(d, 8, s - 8)}" y1="${s / 2}" x2="${s / 2}" y2="${s}" stroke="${colour(d)}"/>`),
  bricks: (s, d) => { const c = colour(d); return repeat(8, (r) => repeat(5, (k) => `<rect x="${k * 16 - (r % 2) * 8}" y="${r * 8}" width="14" height="6" fill="${c}"/>`)); },
  candles: (s, d) => repeat(3, (k) => `<rect x="${10 + k * 18}" y="${between(d, 26, 38)}" width="8" height="${s}" fill="${colour(d)}"/><ellipse cx="${14 + k * 18}" cy="${between(d, 16, 24)}" rx="3" ry="6" fill="gold"/>`),
  checks: (s, d) => { const [a, n] = [colour(d), 8]; return repeat(n, (r) => repeat(n, (k) => ((r + k) % 2 ? `<rect x="${(k * s) / n}" y="${(r * s) / n}" width="${s / n}" height="${s / n}" fill="${a}"/>` : ''))); },
  confetti: (s, d) => repeat(40, () => `<rect x="${between(d, 0, s)}" y="${between(d, 0, s)}" width="3" height="3" fill="${colour(d)}"/>`),
  dots: (s, d) => { const c = colour(d); return repeat(5, (r) => repeat(5, (k) => `<circle cx="${7 + k * 13}" cy="${7 + r * 13}" r="4" fill="${c}"/>`)); },
  fence: (s, d) => { const c = colour(d); return `${repeat(6, (k) => `<path d="M${k * 11} ${s} V20 l4 -6 l4 6 V${s} Z" fill="${c}"/>`)}<rect y="34" width="${s}" height="4" fill="${c}"/>`; },
  flowers: (s, d) => repeat(3, () => { const [x, y, c] = [between(d, 12, s - 12), between(d, 12, s - 12), colour(d)]; return `${repeat(6, (k) => `<circle cx="${x + 7 * Math.cos((k * Math.PI) / 3)}" cy="${y + 7 * Math.sin((k * Math.PI) / 3)}" r="4" fill="${c}"/>`)}<circle cx="${x}" cy="${y}" r="4" fill="gold"/>`; }),
  hills: (s, d) => repeat(3, (k) => `<ellipse cx="${between(d, 0, s)}" cy="${s + 4 - k * 4}" rx="${between(d, 20, 40)}" ry="${between(d, 14, 30)}" fill="${colour(d)}"/>`),
  houses: (s, d) => repeat(2, (k) => { const [x, y] = [4 + k * 30, between(d, 26, 36)]; return `<rect x="${x}" y="${y}" width="24" height="${s - y}" fill="${colour(d)}"/><path d="M${x - 3} ${y} l15 -14 l15 14 Z" fill="${colour(d)}"/>`; }),
  rain: (s, d) => { const c = colour(d); return repeat(28, () => { const [x, y] = [between(d, 0, s), between(d, 0, s)]; return `<line x1="${x}" y1="${y}" x2="${x - 3}" y2="${y + 8}" stroke="${c}" stroke-width="1.5"/>`; }); },
  rings: (s, d) => { const [x, y, c] = [between(d, 20, 44), between(d, 20, 44), colour(d)]; return repeat(5, (k) => `<circle cx="${x}" cy="${y}" r="${5 + k * 7}" fill="none" stroke="${c}" stroke-width="3"/>`); },
  stars: (s, d) => repeat(6, () => { const [x, y] = [between(d, 6, s - 6), between(d, 6, s - 6)]; return `<path transform="translate(${x} ${y})" d="M0 -7 L2 -2 L7 -2 L3 2 L4 7 L0 4 L-4 7 L-3 2 L-7 -2 L-2 -2 Z" fill="${colour(d)}"/>`; }),
  stripes: (s, d) => { const c = colour(d); return `<g transform="rotate(${between(d, -40, 40)} 32 32)">${repeat(9, (k) => `<rect x="${k * 13 - 24}" y="-30" width="6" height="130" fill="${c}"/>`)}</g>`; },
  triangles: (s, d) => repeat(7, () => { const [x, y, r] = [between(d, 4, s - 4), between(d, 4, s - 4), between(d, 5, 11)]; return `<path d="M${x} ${y - r} l${r} ${r * 1.7} h${-2 * r} Z" fill="${colour(d)}"/>`; }),
  waves: (s, d) => { const c = colour(d); return repeat(6, (k) => `<path d="M-8 ${6 + k * 11} q8 -9 16 0 t16 0 t16 0 t16 0 t16 0" fill="none" stroke="${c}" stroke-width="3"/>`); },
};

export const themes = Object.keys(painters);

/** An SVG of a scene of a kind. */
export function renderTheme(kind, size, draw) {
  const background = colour(draw);
  return Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}"><rect width="100%" height="100%" fill="${background}"/>${painters[kind](size, draw)}</svg>`);
}
