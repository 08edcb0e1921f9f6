/** Runs the body of a stage kind on a real cache in a temporary folder, with TensorFlow.js' CPU backend as the engine. */
import '@tensorflow/tfjs-backend-cpu';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { Diagnostic } from '../src/base/diagnostic.ts';
import { type Digest, digestOf, taggedDigest } from '../src/base/digest.ts';
import { DrawStream } from '../src/base/philox.ts';
import { ok } from '../src/base/result.ts';
import { type Cache, openCache } from '../src/cache/open-cache.ts';
import type { ImageSource } from '../src/data/image-source.ts';
import { type Row, RowTable, type Split, UNLABELLED } from '../src/data/row-table.ts';
import { eagerEngine } from '../src/engines/eager/eager-engine.ts';
import type { Engine } from '../src/engines/engine.ts';
import { encodeFloat16 } from '../src/files/float16.ts';
import { type Shape, sizeOf } from '../src/networks/network.ts';
import type { Artifact, ArtifactOf, ArtifactType, FeaturesArtifact } from '../src/stages/artifacts.ts';
import type { RunContext } from '../src/stages/stage-kind.ts';

export interface Asked {
  readonly inputs: Readonly<Record<string, Artifact>>;
  readonly seed?: number;
  readonly origin?: RunContext['origin'];
  readonly images?: ImageSource;
  readonly signal?: AbortSignal;
  readonly force?: boolean;
  readonly checkpoints?: string;
  readonly resolved?: RunContext['resolved'];
  readonly progress?: RunContext['progress'];
  readonly engine?: Engine;
}

export class StageRig {
  readonly folder = mkdtempSync(join(tmpdir(), 'stage-rig-'));
  readonly cache: Cache = openCache(join(this.folder, 'cache'), { onDamage: (detail) => this.damage.push(detail) });
  readonly damage: string[] = [];
  readonly warnings: Diagnostic[] = [];
  #contexts = 0;

  context(asked: Asked): RunContext {
    const { cache } = this;
    const at = (port: string): Artifact => {
      const artifact = asked.inputs[port];
      if (!artifact) throw new Error(`nothing at port ${port}`);
      return artifact;
    };
    const never = () => {
      throw new Error('no pixels here');
    };
    return {
      stage: 'stage',
      origin: asked.origin ?? { pipeline: 'rig', stages: [] },
      seed: asked.seed ?? 7,
      input<T extends ArtifactType>(port: string, type: T): ArtifactOf<T> {
        const artifact = at(port);
        if (!isOfType(artifact, type)) throw new Error(`port ${port} holds ${artifact.type}`);
        return artifact;
      },
      anyInput: at,
      has: (port) => asked.inputs[port] !== undefined,
      rowTable: async (rows) => RowTable.decode((await cache.blobs.get(rows)) ?? new Uint8Array()),
      images: () => asked.images ?? { read: never, describe: never },
      resolved: asked.resolved ?? { identity: null },
      blobs: cache.blobs,
      rowStore: cache.rowStore,
      claims: cache.claims,
      engine: async () => {
        await tf.setBackend('cpu');
        return ok(asked.engine ?? eagerEngine({ engine: 'tfjs-cpu', version: tf.version_core, device: 'cpu' }));
      },
      strictProducer: undefined,
      checkpoints: asked.checkpoints ?? join(this.folder, 'checkpoints', String(this.#contexts++)),
      progress: asked.progress ?? (() => {}),
      warn: (diagnostic) => this.warnings.push(diagnostic),
      force: asked.force ?? false,
      signal: asked.signal ?? new AbortController().signal,
      at: () => undefined,
      baseDirectory: () => this.folder,
      home: join(this.folder, 'home'),
      root: this.folder,
      offline: true,
      jobs: 1,
    };
  }

  /** A features artifact over a table, its rows stored. */
  async features(
    table: RowTable,
    shape: Shape,
    numbers: Float32Array,
    store: FeaturesArtifact['store'] = 'float32',
  ): Promise<FeaturesArtifact> {
    const definition = { test: digestOf(new Uint8Array(numbers.buffer)), shape, store };
    const space = taggedDigest('row-space', definition);
    const width = sizeOf(shape);
    const open = await this.cache.rowStore.open(space, definition, width * (store === 'float32' ? 4 : 2));
    const stored = store === 'float32' ? numbers : encodeFloat16(numbers);
    const keys = Array.from({ length: table.count }, (_, row) => table.key(row));
    await open.append(keys, new Uint8Array(stored.buffer));
    await open.close();
    return {
      type: 'features',
      classes: table.classes,
      rows: await this.put(table),
      space,
      shape,
      store,
      source: definition,
    };
  }

  put(table: RowTable): Promise<Digest> {
    return this.cache.blobs.put(table.encode());
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function isOfType<T extends ArtifactType>(artifact: Artifact, type: T): artifact is ArtifactOf<T> {
  return artifact.type === type;
}

/** Rows around one centre a class: row i is of class i mod classes and differs from its centre by seeded noise. */
export function clusteredRows(options: {
  readonly train: number;
  readonly validation?: number;
  readonly test?: number;
  readonly classes?: number;
  readonly width?: number;
  readonly noise?: number;
}) {
  const { train, validation = 0, test = 0, classes = 3, width = 4, noise = 0.5 } = options;
  const draws = new DrawStream(1, 'clustered rows');
  const centres = Float32Array.from({ length: classes * width }, () => draws.normal());
  const splits: [Split, number][] = [
    ['train', train],
    ['validation', validation],
    ['test', test],
  ];
  const rows: Row[] = [];
  const numbers = new Float32Array((train + validation + test) * width);
  for (const [split, count] of splits) {
    for (let i = 0; i < count; i++) {
      const label = i % classes;
      for (let j = 0; j < width; j++)
        numbers[rows.length * width + j] = (centres[label * width + j] ?? 0) + noise * draws.normal();
      const name = `${split}/${i}.png`;
      rows.push({
        split,
        part: split,
        label: split === 'test' ? UNLABELLED : label,
        key: Buffer.from(digestOf(name), 'hex'),
        name,
      });
    }
  }
  const table = RowTable.from(
    Array.from({ length: classes }, (_, c) => `class ${c}`),
    rows,
  );
  return { table, numbers, shape: [width] };
}
