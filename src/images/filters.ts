/** The filters that pixels are mixed by when an image is enlarged or made smaller. */
import type { Kernel } from './pixel-spec.ts';

/** Values of a filter at a distance from its centre in pixels, and how far it reaches. */
interface Filter {
  readonly reach: number;
  at(distance: number): number;
}

/** Mitchell and Netravali, "Reconstruction filters in computer graphics", 1988, equation 8. B = 0, C = ½ is Catmull and Rom's. */
function cubic(b: number, c: number): Filter {
  return {
    reach: 2,
    at(distance) {
      const x = Math.abs(distance);
      if (x < 1) return ((12 - 9 * b - 6 * c) * x ** 3 + (-18 + 12 * b + 6 * c) * x ** 2 + 6 - 2 * b) / 6;
      if (x < 2)
        return ((-b - 6 * c) * x ** 3 + (6 * b + 30 * c) * x ** 2 + (-12 * b - 48 * c) * x + 8 * b + 24 * c) / 6;
      return 0;
    },
  };
}

function lanczos(reach: number): Filter {
  const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
  return { reach, at: (distance) => (Math.abs(distance) < reach ? sinc(distance) * sinc(distance / reach) : 0) };
}

export const FILTERS: Readonly<Record<Exclude<Kernel, 'nearest'>, Filter>> = {
  bilinear: { reach: 1, at: (distance) => Math.max(0, 1 - Math.abs(distance)) },
  cubic: cubic(0, 0.5),
  mitchell: cubic(1 / 3, 1 / 3),
  lanczos2: lanczos(2),
  lanczos3: lanczos(3),
};
