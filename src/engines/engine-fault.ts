/** What a session throws when the engine, and not the program, is at fault. */
import type { Diagnostic } from '../base/diagnostic.ts';

/** An engine that broke down or ran out of memory in the middle of its work. The run goes on without the stage. */
export class EngineFault extends Error {
  override readonly name = 'EngineFault';
  readonly diagnostic: Diagnostic;

  constructor(diagnostic: Diagnostic) {
    super(diagnostic.message);
    this.diagnostic = diagnostic;
  }

  /** The same fault with what was being computed, such as the images of the batch. */
  during(what: string): EngineFault {
    return new EngineFault({ ...this.diagnostic, message: `${this.diagnostic.message}, while it computed ${what}` });
  }
}

/** Whether a library's message says that memory ran out: ONNX Runtime's, TensorFlow's, CUDA's and the C++ library's words. */
export function isOutOfMemory(message: string): boolean {
  return /out of memory|\bOOM\b|resource.?exhausted|failed to allocate|bad_alloc|cannot allocate memory|CUDNN_STATUS_ALLOC_FAILED|CUBLAS_STATUS_ALLOC_FAILED/i.test(
    message,
  );
}
