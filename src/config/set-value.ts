/** Sets a value deep in a tree. What is not a map on the way must be a shorthand, which gives way to the map it stands for. */
import { err, ok, type Result } from '../base/result.ts';
import { isNull, type Located, type LocatedMap, withMember } from './located.ts';
import type { Place } from './source-text.ts';

/** One name of a dotted path. */
export interface Step {
  readonly name: string;
  readonly place: Place;
}

/** A step that leads nowhere. */
export interface Refusal {
  readonly step: Step;
  readonly message: string;
  readonly help: string;
}

/** The member that a scalar under some keys is short for: `units` for the 500 of `dense: 500`. */
export type Expand = (keys: readonly string[]) => string | undefined;

/** Sets the value at the end of a path; null removes what is there. */
export function setValue(
  tree: LocatedMap,
  path: readonly Step[],
  value: Located,
  expand: Expand | undefined,
): Result<LocatedMap, Refusal> {
  return inMap(tree, 0);

  function inMap(node: LocatedMap, at: number): Result<LocatedMap, Refusal> {
    const step = path[at];
    if (!step) return ok(node);
    const member = node.members.get(step.name);
    if (at === path.length - 1)
      return ok(withMember(node, step.name, isNull(value) ? undefined : { key: step.place, value }));
    const set = below(member?.value, step, at + 1);
    return set.ok ? ok(withMember(node, step.name, { key: member?.key ?? step.place, value: set.value })) : set;
  }

  /** Goes on below the step before `at`. */
  function below(node: Located | undefined, before: Step, at: number): Result<Located, Refusal> {
    if (node?.type === 'map') return inMap(node, at);
    if (node?.type === 'list') return inList(node, before, at);
    const empty: LocatedMap = { type: 'map', members: new Map(), place: node?.place ?? before.place };
    if (node === undefined || node.value === null) return inMap(empty, at);
    const step = path[at] ?? before;
    const keys = path.slice(0, at).map(({ name }) => name);
    // `optimizer: adam` is `{ adam: {} }`; numbers stand for the one member that the setting's map must have.
    if (node.value === step.name && at < path.length - 1)
      return inMap({ ...empty, members: new Map([[step.name, { key: node.place, value: empty }]]) }, at);
    const member = typeof node.value === 'number' ? expand?.(keys) : undefined;
    if (member !== undefined)
      return inMap({ ...empty, members: new Map([[member, { key: node.place, value: node }]]) }, at);
    const shown = keys.slice(keys[0] === 'stages' ? 1 : 0).filter((key, i) => !(i === 1 && key === 'with'));
    const whole = shown.join('.');
    const written = node.environment ? 'a value from the environment' : JSON.stringify(node.value);
    return err({
      step,
      message: `${whole} is ${written} and has no part "${step.name}"`,
      help: `set all of it: --set '${whole}={ ${step.name}: … }'`,
    });
  }

  function inList(node: Extract<Located, { type: 'list' }>, before: Step, at: number): Result<Located, Refusal> {
    const step = path[at] ?? before;
    const index = /^\d+$/.test(step.name) ? Number(step.name) : -1;
    const item = node.items[index];
    if (!item) {
      const message = `"${before.name}" is a list of ${node.items.length}, and "${step.name}" is none of its items`;
      return err({ step, message, help: 'items are numbered from 0' });
    }
    const set = at === path.length - 1 ? ok(value) : below(item, step, at + 1);
    return set.ok ? ok({ ...node, items: node.items.map((old, i) => (i === index ? set.value : old)) }) : set;
  }
}
