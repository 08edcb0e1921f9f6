// Stands in for a native package of TensorFlow.js, which tests do not have: TensorFlow.js' own CPU backend, failing as FAULT (JSON) says.
//   {"say": text}: written to the error output when it is loaded, as the library does about its device.
//   {"kernel": name, "at": n, "do": "abort" | <signal>}: the process ends at the n-th call of a kernel.
//   {"kernel": name, "rows": n}: a call with more than so many rows runs out of memory.
//   {"idle": true}: convolutions give zeros, in no time.
const tf = require('@tensorflow/tfjs-core');
require('@tensorflow/tfjs-backend-cpu');

const { idle, say, kernel, at, rows, do: end } = JSON.parse(process.env['FAULT'] ?? '{}');
// Or it advertises the real one.
tf.env().set('PROD', true);
if (say) process.stderr.write(`${say}\n`);

let calls = 0;
function step(inputs) {
  calls++;
  const shape = Object.values(inputs)[0]?.shape ?? [];
  if (rows !== undefined && shape[0] > rows)
    throw new Error(
      `OOM when allocating tensor with shape[${shape}] and type float on /device:GPU:0 by allocator GPU_0_bfc`,
    );
  if (calls !== at) return;
  if (end === 'abort') {
    process.stderr.write('I0000 00:00:1795695761.248122   11321 port.cc:153] oneDNN custom operations are on.\n');
    process.stderr.write('F tensorflow/core/framework/tensor.cc:733] Check failed: dtype() == expected_dtype\n');
    process.abort();
  }
  process.kill(process.pid, end);
  // A signal takes its time.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
}

if (kernel) {
  const own = tf.getKernel(kernel, 'cpu');
  tf.unregisterKernel(kernel, 'cpu');
  tf.registerKernel({
    ...own,
    kernelFunc(call) {
      step(call.inputs);
      return own.kernelFunc(call);
    },
  });
}

if (idle) {
  tf.unregisterKernel('Conv2D', 'cpu');
  tf.registerKernel({
    kernelName: 'Conv2D',
    backendName: 'cpu',
    kernelFunc({ inputs: { x, filter }, attrs: { strides, pad, dilations }, backend }) {
      const { outShape } = tf.backend_util.computeConv2DInfo(x.shape, filter.shape, strides, dilations, pad);
      return backend.makeTensorInfo(outShape, 'float32', new Float32Array(tf.util.sizeFromShape(outShape)));
    },
  });
}
