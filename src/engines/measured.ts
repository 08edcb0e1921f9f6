/** What engines were measured to do on this machine, kept for all projects: what `auto` chooses by and `plan` predicts with. */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { writeFileAtomically } from '../files/atomic-file.ts';
import { sharedHome } from '../files/project.ts';
import type { Device, EngineId } from './engine.ts';

/** One engine on one device of one machine. */
export interface Measured {
  readonly engine: EngineId;
  readonly device: Device;
  /** Of the build that was measured: another one counts as unmeasured. */
  readonly stamp: string;
  readonly machine: string;
  /** Whether the self-test's numbers were right. */
  readonly passed: boolean;
  /** 10⁹ floating-point operations a second in a VGG-like network's forward pass; a multiplication and an addition are two. */
  readonly gflops?: number;
  /** Images a second through VGG16's convolutional base at 224×224, measured by `bench`. */
  readonly imagesPerSecond?: number;
  /** Milliseconds of a training step of the reference head, measured by `bench`. */
  readonly headStepMs?: number;
  /** By `networkKey`, measured by `bench`: frozen networks in integers of eight bits. */
  readonly int8?: Readonly<Record<string, Int8Speed>>;
  readonly at: string;
}

/** 10⁹ operations a second of a network at 224×224 in both precisions, in turn. Those in float32 are counted for both. */
export interface Int8Speed {
  readonly float32: number;
  readonly int8: number;
}

/** The built-in networks that `bench` measures so: those slow enough for it to matter, in the widths of which there are ImageNet weights. */
export const INT8_NETWORKS = [
  { name: 'vgg16', alpha: 1 },
  { name: 'vgg19', alpha: 1 },
  { name: 'mobilenet-v1', alpha: 1 },
  { name: 'mobilenet-v1', alpha: 0.75 },
  { name: 'mobilenet-v1', alpha: 0.5 },
  { name: 'mobilenet-v1', alpha: 0.25 },
] as const;

/** What a built-in network's measurement is found by. */
export function networkKey(name: string, alpha: number): string {
  return alpha === 1 ? name : `${name} ${alpha}`;
}

/** Processor and cores: the shared folder may lie on a disk that several machines see. */
export function thisProcessor(): string {
  const processors = cpus();
  return `${processors[0]?.model.trim() ?? 'unknown'} × ${processors.length}`;
}

/** Of this machine. A file that cannot be read holds nothing. */
export function readMeasured(): readonly Measured[] {
  const machine = thisProcessor();
  return readAll().filter((measured) => measured.machine === machine);
}

/** What was measured of the same build before, and is not measured now, stays. */
export function keepMeasured(measured: Measured): void {
  const all = readAll();
  const same = all.find(
    ({ engine, device, machine }) =>
      engine === measured.engine && device === measured.device && machine === measured.machine,
  );
  const before = same?.stamp === measured.stamp ? same : {};
  const others = all.filter((one) => one !== same);
  const kept = [...others, { ...before, ...measured }];
  writeFileAtomically(path(), `${JSON.stringify(kept, undefined, 1)}\n`, { flush: false });
}

function path(): string {
  return join(sharedHome(process.env), 'engines', 'measured.json');
}

function readAll(): readonly Measured[] {
  try {
    const read: unknown = JSON.parse(readFileSync(path(), 'utf8'));
    return Array.isArray(read) ? read.filter(isMeasured) : [];
  } catch {
    return [];
  }
}

function isMeasured(value: unknown): value is Measured {
  if (typeof value !== 'object' || value === null) return false;
  const of = (name: string): unknown => Reflect.get(value, name);
  return (
    ['engine', 'device', 'stamp', 'machine', 'at'].every((name) => typeof of(name) === 'string') &&
    typeof of('passed') === 'boolean' &&
    ['gflops', 'imagesPerSecond', 'headStepMs'].every((name) => ['number', 'undefined'].includes(typeof of(name))) &&
    (of('int8') === undefined || Object.values(Object(of('int8'))).every(isInt8Speed))
  );
}

function isInt8Speed(value: unknown): value is Int8Speed {
  const speeds = Object(value);
  return ['float32', 'int8'].every((name) => typeof Reflect.get(speeds, name) === 'number');
}
