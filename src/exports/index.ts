/** The formats by name; each is loaded when it is written. */
import type { ExportFormat, WriteExport } from './exported-model.ts';

export const writers: Readonly<Record<ExportFormat, () => Promise<WriteExport>>> = {
  onnx: async () => (await import('./onnx.ts')).writeOnnx,
  tfjs: async () => (await import('./tfjs.ts')).writeTfjs,
  'keras-h5': async () => (await import('./keras-h5.ts')).writeKerasH5,
  keras: async () => (await import('./keras-zip.ts')).writeKerasZip,
};
