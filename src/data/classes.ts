/** Class names in their order: numbers by value where all are plain integers, else by code unit. */
export function sortClasses(names: Iterable<string>): readonly string[] {
  const unique = [...new Set(names)];
  const numeric = unique.every((name) => /^(0|-?[1-9]\d{0,14})$/.test(name));
  return numeric ? unique.sort((a, b) => Number(a) - Number(b)) : unique.sort();
}

/** Groups of labels that differ only in case, spaces or Unicode form: most often one class written in two ways. */
export function lookalikes(classes: readonly string[]): readonly (readonly string[])[] {
  const groups = new Map<string, string[]>();
  for (const name of classes) {
    const key = name.normalize('NFC').trim().replace(/\s+/g, ' ').toLowerCase();
    groups.set(key, [...(groups.get(key) ?? []), name]);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}
