/**
 * Reads Keras' HDF5 files. HDF5 is a large C library with a long record of crashes and endless loops on damaged files, so it
 * runs here, alone in a thread that can be ended, and sees no file but the one that it was asked for.
 */
import { statSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { Dataset, type Entity, File, FS, Group, Module, ready } from 'h5wasm/node';
import {
  type H5Contents,
  type H5Fault,
  type H5Layer,
  type H5Reply,
  type H5Weight,
  isH5Request,
} from './h5-protocol.ts';

/** More links than any network has. */
const MOST_LINKS = 200_000;
/** Bytes read in one piece. */
const PIECE = 64 * 2 ** 20;
/** A dataset that declares more than this and a thousand times the whole file is a bomb. */
const BOMB = 64 * 2 ** 20;
/** Attributes hold names and an architecture. */
const LARGEST_ATTRIBUTE = 64 * 2 ** 20;
/** HDF5's class of floating-point types. */
const FLOAT_CLASS = 1;

class Fault extends Error {
  readonly fault: H5Fault;
  constructor(fault: H5Fault, message: string) {
    super(message);
    this.fault = fault;
  }
}

interface Opened {
  readonly file: File;
  readonly bytes: number;
}

/** Files that the library tried to open besides the given one. */
const denied: string[] = [];
let opened: Opened | undefined;

await ready;
// A file could otherwise ask for a filter that is loaded from outside.
for (const _ of Module.get_plugin_search_paths()) Module.remove_plugin_search_path(0);
parentPort?.on('message', (message: unknown) => {
  if (!isH5Request(message)) return;
  const reply = answer(() =>
    message.type === 'open'
      ? { type: 'opened', contents: open(message.path) }
      : { type: 'numbers', numbers: read(message.path) },
  );
  parentPort?.postMessage(reply, reply.type === 'numbers' ? [reply.numbers.buffer] : []);
});

function answer(work: () => H5Reply): H5Reply {
  try {
    return work();
  } catch (error) {
    const [outside] = denied;
    if (outside !== undefined) return { type: 'fault', fault: 'unsafe', message: `points to another file, ${outside}` };
    if (error instanceof Fault) return { type: 'fault', fault: error.fault, message: error.message };
    const detail = error instanceof Error ? error.message : String(error);
    return {
      type: 'fault',
      fault: 'damaged',
      message: `is no HDF5 file, or is damaged (${detail.split('\n')[0]?.slice(0, 120)})`,
    };
  }
}

function open(path: string): H5Contents {
  confineTo(path);
  const file = new File(path, 'r');
  opened = { file, bytes: statSync(path).size };
  refuseLinks(file);
  const weights = file.keys().includes('model_weights') ? groupAt(file, 'model_weights') : file;
  return { layers: layersOf(weights), modelConfig: stringsOf(file, 'model_config')[0] ?? null };
}

/** The library runs on Node's own file system: only this one file may be opened, and only for reading. */
function confineTo(path: string): void {
  if (!FS) throw new Error('h5wasm has no file system');
  const fileSystem = FS;
  const openAny = fileSystem.open.bind(fileSystem);
  fileSystem.open = (wanted, flags, ...rest) => {
    if (wanted === path) return openAny(path, flags, ...rest);
    denied.push(wanted);
    throw new Error('no such file');
  };
  // Nothing is written, and the library's own error trace on stderr is for its developers.
  fileSystem.write = (_stream, _buffer, _offset, length) => length;
}

function refuseLinks(file: File): void {
  const paths = file.paths();
  if (paths.length > MOST_LINKS) throw new Fault('unsafe', `holds ${paths.length} objects, more than any network`);
  for (const path of paths) {
    if (typeof file.get_link(path) === 'string')
      throw new Fault('unsafe', `holds a soft link, ${JSON.stringify(path)}`);
    if (typeof file.get_external_link(path).filename === 'string') {
      throw new Fault('unsafe', `holds a link to another file, ${JSON.stringify(path)}`);
    }
  }
}

function layersOf(root: Group): readonly H5Layer[] {
  const names = splitStringsOf(root, 'layer_names');
  if (names.length > 0) {
    return names.map((name) => {
      const group = groupAt(root, name);
      return { name, weights: splitStringsOf(group, 'weight_names').map((weight) => weightAt(group, weight)) };
    });
  }
  const layers = variableLayers(root);
  if (layers.length === 0) {
    throw new Fault('unsupported', 'holds no Keras weights (neither a list `layer_names` nor groups `vars`)');
  }
  return layers;
}

/** Keras 3: each layer is a group with a group `vars` of datasets 0, 1, …; its attribute `name` is the layer's. */
function variableLayers(group: Group): readonly H5Layer[] {
  return group.keys().flatMap((key): readonly H5Layer[] => {
    if (key === 'optimizer') return [];
    const child = group.get(key);
    if (!(child instanceof Group)) return [];
    if (key !== 'vars') return variableLayers(child);
    const indices = child
      .keys()
      .filter((index) => /^\d+$/.test(index))
      .map(Number)
      .sort((a, b) => a - b);
    if (indices.length === 0) return [];
    const name = stringsOf(child, 'name')[0] ?? lastPart(group.path);
    return [{ name, weights: indices.map((index) => weightAt(child, String(index))) }];
  });
}

function weightAt(group: Group, name: string): H5Weight {
  const dataset = group.get(name);
  if (!(dataset instanceof Dataset))
    throw new Fault('damaged', `lists a weight ${JSON.stringify(name)} that it does not hold`);
  const { shape, size, virtual_sources: sources } = dataset.metadata;
  if (sources && sources.length > 0) throw new Fault('unsafe', `takes ${JSON.stringify(name)} from other files`);
  if (!shape) throw new Fault('damaged', `holds ${JSON.stringify(name)} without a shape`);
  const declared = shape.reduce((product, extent) => product * extent, size);
  if (declared > BOMB && declared > 1000 * (opened?.bytes ?? 0)) {
    throw new Fault('unsafe', `declares ${declared} bytes for ${JSON.stringify(name)}, far more than it holds`);
  }
  return { path: dataset.path, shape };
}

/** The numbers of a dataset as float32, read in pieces along the first axis, so that the copy inside the library stays small. */
function read(path: string): Float32Array<ArrayBuffer> {
  const dataset: Entity | null | undefined = opened?.file.get(path);
  if (!(dataset instanceof Dataset)) throw new Error(`not a dataset: ${path}`);
  const { shape, type, size, littleEndian } = dataset.metadata;
  if (type !== FLOAT_CLASS || (size !== 4 && size !== 8) || !littleEndian) {
    throw new Fault('unsupported', `holds ${JSON.stringify(path)} not as little-endian float32 or float64`);
  }
  const extents = shape ?? [];
  const numbers = new Float32Array(extents.reduce((product, extent) => product * extent, 1));
  const [rows = 1] = extents;
  const rowLength = rows === 0 ? 0 : numbers.length / rows;
  const step = Math.max(1, Math.floor(PIECE / Math.max(1, rowLength * size)));
  for (let from = 0; from < rows && numbers.length > 0; from += step) {
    const whole = step >= rows;
    const piece = whole ? dataset.value : dataset.slice([[from, Math.min(from + step, rows)]]);
    if (typeof piece === 'number') numbers[0] = piece;
    else if (piece instanceof Float32Array || piece instanceof Float64Array) numbers.set(piece, from * rowLength);
    else throw new Fault('damaged', `gives no numbers for ${JSON.stringify(path)}`);
  }
  return numbers;
}

function groupAt(parent: Group, name: string): Group {
  const child = parent.get(name);
  if (child instanceof Group) return child;
  throw new Fault('damaged', `lists a layer ${JSON.stringify(name)} that it does not hold`);
}

/** A list that Keras may have spread over `name0`, `name1`, …, since an attribute holds at most 64 kB. */
function splitStringsOf(group: Group, name: string): readonly string[] {
  const whole = stringsOf(group, name);
  if (whole.length > 0) return whole;
  const parts: string[] = [];
  for (let i = 0; i < 10_000; i++) {
    const part = stringsOf(group, `${name}${i}`);
    if (part.length === 0) break;
    parts.push(...part);
  }
  return parts;
}

function stringsOf(group: Group, name: string): readonly string[] {
  const attribute = group.attrs[name];
  if (!attribute) return [];
  if (attribute.metadata.total_size > LARGEST_ATTRIBUTE)
    throw new Fault('unsafe', `has an attribute ${name} of ${attribute.metadata.total_size} bytes`);
  const value = attribute.value;
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
