/**
 * How many threads a session computes with. ONNX Runtime's threads wait for each other after every node, which takes longer than a small
 * head's whole step; and a head that needs one core leaves the others to the heads beside it. The network and the batch decide, never
 * what else runs: the last bits of a result follow the number of threads.
 */
import { describeNetwork } from '../networks/layers.ts';
import { type Network, sizeOf } from '../networks/network.ts';

/** Floating-point operations of a step below which one thread is as fast as several: about a millisecond's on one core. */
const SMALL_STEP = 1e8;
/** The gradients cost about twice the pass. */
const STEP_TO_FORWARD = 3;
/** Rows of a forward pass, for the purpose of its size. */
const TYPICAL_BATCH = 32;

/** Operations a number of the input, of a pass, below which a core waits for memory: a layer of some 32 units on top of features. */
const NARROW = 64;

/** Whether a training step keeps no more than one core busy. */
export function isLightTraining(network: Network, batch: number): boolean {
  const flops = flopsOfRow(network);
  return STEP_TO_FORWARD * batch * flops < SMALL_STEP || flops < NARROW * sizeOf(network.input);
}

export function threadsOfTraining(network: Network, batch: number, threads: number): number {
  return isLightTraining(network, batch) ? 1 : threads;
}

export function threadsOfForward(network: Network, threads: number): number {
  return TYPICAL_BATCH * flopsOfRow(network) < SMALL_STEP ? 1 : threads;
}

function flopsOfRow(network: Network): number {
  const described = describeNetwork(network);
  return described.ok ? described.value.flops : Number.POSITIVE_INFINITY;
}
