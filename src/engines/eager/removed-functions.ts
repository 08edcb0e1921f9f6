/** Functions that tfjs-node calls and that Node took out in version 23. */
const removed = {
  isNullOrUndefined: (value: unknown): boolean => value === null || value === undefined,
  isArray: (value: unknown): boolean => Array.isArray(value),
};

/** Puts them back into Node's `util`, for a process that runs nothing else. @returns the names of those that were missing */
export function restoreRemoved(util: object): readonly string[] {
  const missing = Object.entries(removed).filter(([name]) => typeof Reflect.get(util, name) !== 'function');
  for (const [name, value] of missing) Reflect.set(util, name, value);
  return missing.map(([name]) => name);
}
