import { defineCodes } from './code.ts';

export const engineCodes = defineCodes({
  E001: {
    exit: 6,
    title: 'an engine is not usable',
    explanation: 'The engine asked for is not installed or failed its self-test. The reason says which.',
  },
  E002: {
    exit: 6,
    title: 'the engine refuses a network',
    explanation: 'The network could not be compiled, or the model file uses operators that the engine does not have.',
  },
  E003: {
    exit: 6,
    title: 'the engine broke down',
    explanation:
      'Its thread or process ended while it computed: out of memory, or a fault in the native library. The stage fails, the others go on, and what was finished is kept.',
  },
  E004: {
    exit: 6,
    title: 'an engine cannot be installed here',
    explanation:
      '`pipe engines install` builds on Linux x86-64 with python3 and its pip, npm and g++. The message names what is missing, and how Debian calls it.',
  },
  E005: {
    exit: 6,
    title: 'installing an engine failed',
    explanation:
      'A download or the compiler failed; its last words are in the message. Nothing was put in place: an engine that was installed before is still there. Registries and proxies are those that npm and pip are set to.',
  },
  E006: {
    exit: 6,
    title: 'a binding cannot be loaded',
    explanation:
      'The native part of tfjs-node was never built, or was built for another Node, another system or another version of TensorFlow, or calls what Node took out in version 23. `pipe engines install` builds one that fits.',
  },
  E007: {
    exit: 6,
    title: 'a GPU cannot be used',
    explanation:
      'There is no NVIDIA driver, it is too old, or the CUDA libraries are missing or of another version. The engine goes on on the CPU with a warning, or is refused where a GPU was insisted on.',
  },
  E008: {
    exit: 6,
    title: 'an engine ran out of memory',
    explanation:
      'A frozen network goes on with half the rows at a time, which changes no number, and a warning says so. Training does not, because its batch is part of its result: set a smaller `batch`.',
  },
  E009: {
    exit: 6,
    title: 'another engine than the fastest or asked one',
    explanation:
      'Tells which engine `auto` takes and why, and when it falls back to ONNX Runtime because the faster one cannot be opened or cannot run a model file.',
  },
  E010: {
    exit: 6,
    title: 'a precision is not available',
    explanation:
      'Integers of eight bits (`precision: int8`) are computed by ONNX Runtime on the CPU, float16 by ONNX Runtime on GPUs: CUDA, or WebGPU where the driver has float16 in shaders. `store: float16` halves the space that features take, whatever the precision.',
  },
  E011: {
    exit: 6,
    title: 'a part of a network stays in float32',
    explanation:
      'In eight bits compute convolutions, dense layers, sums, joins and max pools; in float16 those and what works number by number, but for weights that float16 cannot hold. Other operators keep to float32, with a conversion before and after: right, but slower.',
  },
  E012: {
    exit: 6,
    title: 'float16 is too coarse for a network',
    explanation:
      'Numbers of float16 end at 65504 and have eleven significant bits. Every batch is looked through for numbers that are not finite, and the first row is computed in float32 too: where its features are further apart than 10 %, nothing is kept. Leave `precision` out.',
  },
});
