export const defaults = { train: null, validation: null, test: null, exclude: [] as readonly string[] } as const;
/** Files that count as images, by the ending of their names. */
export const ENDINGS = ['.png', '.jpg', '.jpeg', '.webp', '.gif'] as const;
