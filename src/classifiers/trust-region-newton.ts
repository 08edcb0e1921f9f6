/**
 * Newton's method with conjugate gradients inside a trust region: Lin, Weng and Keerthi, "Trust region Newton method for
 * large-scale logistic regression" (JMLR 9, 2008), with the constants given there. It needs products with the Hessian only.
 */
import { ok, type Result } from '../base/result.ts';
import { dot } from './products.ts';

export interface ValueAndGradient {
  readonly value: number;
  readonly gradient: Float64Array;
}

/** A convex function, twice differentiable nearly everywhere; `E` is how looking at it may fail. */
export interface SmoothObjective<E> {
  readonly size: number;
  evaluate(point: Float64Array): Promise<Result<ValueAndGradient, E>>;
  /** Makes the point that was evaluated last the one that `curvature` is about. */
  accept(): void;
  /** The Hessian times a direction. */
  curvature(direction: Float64Array): Promise<Result<Float64Array, E>>;
}

export interface Minimum {
  readonly point: Float64Array;
  readonly value: number;
  readonly converged: boolean;
  /** Newton steps tried. */
  readonly steps: number;
  /** Products with the Hessian. */
  readonly products: number;
}

export interface NewtonOptions {
  readonly start: Float64Array;
  /** Stops where the gradient is at most this times `scale`. */
  readonly tolerance: number;
  /** The length of a gradient that counts as large; by default that at the start. */
  readonly scale?: number;
  readonly maxSteps: number;
}

/** A step that gains less than this share of what was promised is not taken. */
const ACCEPT = 1e-4;
/** Below the first the region shrinks, above the second it grows. */
const [POOR, GOOD] = [0.25, 0.75];
/** Factors on the region's radius. */
const [SHRINK, KEEP, GROW] = [0.25, 0.5, 4];
/** Gains below this share of the value drown in rounding. */
const ROUNDING = 1e-15;

export async function minimize<E>(
  objective: SmoothObjective<E>,
  { start, tolerance, scale, maxSteps }: NewtonOptions,
): Promise<Result<Minimum, E>> {
  const first = await objective.evaluate(start);
  if (!first.ok) return first;
  objective.accept();
  let point = start;
  let { value, gradient } = first.value;
  let length = norm(gradient);
  const large = scale ?? length;
  let radius = length;
  let products = 0;
  let steps = 0;
  while (length > tolerance * large) {
    if (steps === maxSteps || !Number.isFinite(value)) return ok({ point, value, converged: false, steps, products });
    const solved = await conjugateGradients(objective, gradient, radius, Math.min(0.1, Math.sqrt(length / large)));
    if (!solved.ok) return solved;
    const { step, residual, rounds } = solved.value;
    products += rounds;
    const trial = point.map((x, i) => x + (step[i] ?? 0));
    const tried = await objective.evaluate(trial);
    if (!tried.ok) return tried;
    const slope = dot(gradient, step);
    const promised = -0.5 * (slope - dot(step, residual));
    const gained = value - tried.value.value;
    const stepLength = norm(step);
    if (steps === 0) radius = Math.min(radius, stepLength);
    steps++;
    const excess = -gained - slope;
    const stretch = excess <= 0 ? GROW : Math.max(SHRINK, (-0.5 * slope) / excess);
    const drowned = Math.abs(gained) <= ROUNDING * Math.abs(value) && promised <= ROUNDING * Math.abs(value);
    if (gained < ACCEPT * promised) radius = Math.min(Math.max(stretch, SHRINK) * stepLength, KEEP * radius);
    else if (gained < POOR * promised) radius = between(SHRINK * radius, stretch * stepLength, KEEP * radius);
    else if (gained < GOOD * promised) radius = between(SHRINK * radius, stretch * stepLength, GROW * radius);
    else radius = between(radius, stretch * stepLength, GROW * radius);
    if (gained > ACCEPT * promised) {
      point = trial;
      ({ value, gradient } = tried.value);
      length = norm(gradient);
      objective.accept();
    }
    if (drowned) break;
  }
  return ok({ point, value, converged: true, steps, products });
}

interface Step {
  readonly step: Float64Array;
  /** −gradient − Hessian · step. */
  readonly residual: Float64Array;
  readonly rounds: number;
}

/** Solves Hessian · step = −gradient down to `accuracy`, or to the edge of the region (Steihaug, 1983). */
async function conjugateGradients<E>(
  objective: SmoothObjective<E>,
  gradient: Float64Array,
  radius: number,
  accuracy: number,
): Promise<Result<Step, E>> {
  const step = new Float64Array(gradient.length);
  const residual = gradient.map((g) => -g);
  const direction = residual.slice();
  let squared = dot(residual, residual);
  const enough = accuracy * accuracy * squared;
  let rounds = 0;
  while (squared > enough && rounds < 10 * gradient.length) {
    const bent = await objective.curvature(direction);
    if (!bent.ok) return bent;
    rounds++;
    const along = dot(direction, bent.value);
    if (along <= 0) break;
    const length = squared / along;
    add(step, direction, length);
    if (norm(step) > radius) {
      add(step, direction, -length);
      const rest = toTheEdge(step, direction, radius);
      add(step, direction, rest);
      add(residual, bent.value, -rest);
      break;
    }
    add(residual, bent.value, -length);
    const next = dot(residual, residual);
    const share = next / squared;
    for (let i = 0; i < direction.length; i++) direction[i] = (residual[i] ?? 0) + share * (direction[i] ?? 0);
    squared = next;
  }
  return ok({ step, residual, rounds });
}

/** The t ≥ 0 with ‖step + t·direction‖ = radius. */
function toTheEdge(step: Float64Array, direction: Float64Array, radius: number): number {
  const mixed = dot(step, direction);
  const squared = dot(direction, direction);
  const missing = radius * radius - dot(step, step);
  const root = Math.sqrt(mixed * mixed + squared * missing);
  return mixed >= 0 ? missing / (mixed + root) : (root - mixed) / squared;
}

function add(to: Float64Array, what: Float64Array, factor: number): void {
  for (let i = 0; i < to.length; i++) to[i] = (to[i] ?? 0) + factor * (what[i] ?? 0);
}

function norm(vector: Float64Array): number {
  return Math.sqrt(dot(vector, vector));
}

function between(low: number, x: number, high: number): number {
  return Math.max(low, Math.min(x, high));
}
