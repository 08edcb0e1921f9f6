/** How fast built-in networks are in integers of eight bits here, against float32. */
import type { Diagnostic } from '../base/diagnostic.ts';
import { ok, type Result } from '../base/result.ts';
import { architectures } from '../networks/architectures/index.ts';
import { randomWeights } from '../networks/initializers.ts';
import { describeNetwork } from '../networks/layers.ts';
import { sizeOf } from '../networks/network.ts';
import { CalibrationFold } from './calibration-fold.ts';
import type { Engine, ForwardProgram, ForwardSession } from './engine.ts';
import { INT8_NETWORKS, type Int8Speed, networkKey } from './measured.ts';

const SIDE = 224;
const BATCH = 8;
const ROUNDS = 3;

/** By `networkKey`; none where the engine does not compute so. */
export async function int8Speeds(
  engine: Engine,
  networks: readonly { readonly name: string; readonly alpha: number }[] = INT8_NETWORKS,
): Promise<Result<Readonly<Record<string, Int8Speed>>, Diagnostic>> {
  const speeds: Record<string, Int8Speed> = {};
  for (const { name, alpha } of networks) {
    const speed = await int8Speed(engine, name, alpha);
    if (!speed.ok) return speed.error.code === 'E010' ? ok({}) : speed;
    speeds[networkKey(name, alpha)] = speed.value;
  }
  return ok(speeds);
}

async function int8Speed(engine: Engine, name: string, alpha: number): Promise<Result<Int8Speed, Diagnostic>> {
  const architecture = architectures.find((one) => one.name === name);
  if (!architecture) throw new Error(`there is no architecture ${name}`);
  const network = architecture.build({ height: SIDE, width: SIDE, channels: 3, top: false, classes: 1000, alpha });
  const described = describeNetwork(network);
  if (!described.ok) return described;
  const weights = randomWeights(network, 1);
  if (!weights.ok) return weights;
  const layer = network.layers.at(-1)?.name ?? '';
  const program = { kind: 'network', network, weights: weights.value, layer, pooling: 'none' } as const;
  const images = Float32Array.from(
    { length: BATCH * sizeOf(network.input) },
    (_, at) => ((at * 7919) % 1000) / 500 - 1,
  );
  const calibrating = await engine.openForward({ ...program, arithmetic: { kind: 'calibration' } }, BATCH);
  if (!calibrating.ok) return calibrating;
  const fold = new CalibrationFold(calibrating.value);
  fold.add(await calibrating.value.run(images.slice(), BATCH));
  const ranges = fold.result();
  await calibrating.value.close();
  const sessions: ForwardSession[] = [];
  try {
    const programs: readonly ForwardProgram[] = [program, { ...program, arithmetic: { kind: 'int8', ranges } }];
    for (const one of programs) {
      const session = await engine.openForward(one, BATCH);
      if (!session.ok) return session;
      sessions.push(session.value);
    }
    const [float32 = 0, int8 = 0] = await timesInTurn(sessions, images);
    const rate = (ms: number) => (described.value.flops * BATCH) / ms / 1e6;
    return ok({ float32: rate(float32), int8: rate(int8) });
  } finally {
    for (const session of sessions) await session.close();
  }
}

/** Milliseconds of the fastest batch of each, after one that does not count: other work on the machine only ever slows them. */
async function timesInTurn(
  sessions: readonly ForwardSession[],
  images: Float32Array<ArrayBuffer>,
): Promise<readonly number[]> {
  const times = sessions.map((): number[] => []);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [at, session] of sessions.entries()) {
      const input = images.slice();
      const from = performance.now();
      await session.run(input, BATCH);
      if (round > 0) times[at]?.push(performance.now() - from);
    }
  }
  return times.map((all) => Math.min(...all));
}
