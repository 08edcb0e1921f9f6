/** What libraries say when a GPU cannot be used, in words that help. */
import { existsSync } from 'node:fs';
import { type Diagnostic, warning } from '../base/diagnostic.ts';

/** @param said what the library has written while it looked for a device @param install the command that puts its CUDA libraries beside it */
export function gpuTrouble(said: string, install: string): Diagnostic {
  const line = (pattern: RegExp) =>
    said
      .split('\n')
      .find((candidate) => pattern.test(candidate))
      // Without TensorFlow's date, place in its source and severity.
      ?.replace(/^.*?\.cc:\d+\]\s*/, '')
      .trim()
      .slice(0, 240);
  const old = line(/driver version is insufficient|SYSTEM_DRIVER_MISMATCH|forward compatibility|UNSUPPORTED_PTX/i);
  if (old)
    return warning('E007', `the NVIDIA driver is older than the CUDA libraries want: ${old}`, {
      help: 'bring the driver up to date (CUDA 12 wants version 525 or later)',
    });
  const device = line(
    /libcuda\.so|find cuda drivers|NO_DEVICE|no CUDA-capable device|kernel driver does not appear|NOT_INITIALIZED/i,
  );
  const libraries = line(
    /dlopen some GPU libraries|could not load dynamic library|cannot open shared object|cudnn|cublas|cudart/i,
  );
  if (libraries && (hasNvidiaDriver() || !device))
    return warning('E007', `the CUDA libraries are missing or of another version: ${libraries}`, {
      help: `run \`${install}\`, which puts the versions that it wants beside it`,
    });
  if (device || !hasNvidiaDriver())
    return warning('E007', `there is no NVIDIA GPU with its driver here${device ? `: ${device}` : ''}`, {
      help: 'see whether `nvidia-smi` lists the GPU; in a container the driver is passed in by the NVIDIA container toolkit',
    });
  return warning('E007', 'the library finds no GPU that it can use', {
    help: 'see whether `nvidia-smi` lists it, and whether CUDA_VISIBLE_DEVICES hides it',
  });
}

/** The driver's control device on Linux, and the one of Windows' subsystem for Linux. */
export function hasNvidiaDriver(): boolean {
  return existsSync('/dev/nvidiactl') || existsSync('/dev/dxg');
}
