/** A minimal stage, for ordering. */
export interface OrderedStage {
  readonly name: string;
  readonly from: Readonly<Record<string, { readonly stage: string }>>;
}

/**
 * Stages in an order that respects what they read; among the free ones, as the file has them (Kahn's algorithm). The
 * configuration has been checked for cycles and unknown names before.
 * @throws Error on a cycle.
 */
export function orderStages<T extends OrderedStage>(stages: readonly T[]): readonly T[] {
  const names = new Set(stages.map(({ name }) => name));
  const ordered: T[] = [];
  const done = new Set<string>();
  let waiting = [...stages];
  while (waiting.length > 0) {
    const ready = waiting.filter((stage) =>
      Object.values(stage.from).every((from) => done.has(from.stage) || !names.has(from.stage)),
    );
    if (ready.length === 0) throw new Error(`cycle among ${waiting.map(({ name }) => name).join(', ')}`);
    for (const stage of ready) {
      done.add(stage.name);
      ordered.push(stage);
    }
    waiting = waiting.filter((stage) => !done.has(stage.name));
  }
  return ordered;
}
