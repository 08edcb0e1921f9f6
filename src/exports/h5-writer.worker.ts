/** Writes HDF5 files, in a thread of its own: the library blocks its thread and holds its memory until the thread ends. */
import { parentPort } from 'node:worker_threads';
import { File, Group, ready } from 'h5wasm/node';
import { type H5WriteReply, type H5WriteRequest, isH5WriteRequest } from './h5-writer-protocol.ts';

// HDF5 stamps every object with the time; an export has the same bytes whenever it is made.
Date.now = () => 0;

let file: File | undefined;

await ready;
parentPort?.on('message', (message: unknown) => {
  if (isH5WriteRequest(message)) parentPort?.postMessage(answer(message));
});

function answer(request: H5WriteRequest): H5WriteReply {
  try {
    write(request);
    return { ok: true };
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}

function write(request: H5WriteRequest): void {
  if (request.type === 'create') {
    file = new File(request.path, 'w');
    return;
  }
  if (!file) throw new Error('no file is open');
  switch (request.type) {
    case 'group':
      file.create_group(request.path);
      return;
    case 'attribute': {
      const { name, value } = request;
      groupAt(file, request.group).create_attribute(name, typeof value === 'string' ? value : [...value]);
      return;
    }
    case 'dataset': {
      const { name, shape, numbers } = request;
      groupAt(file, request.group).create_dataset({ name, data: numbers, shape: [...shape], dtype: '<f' });
      return;
    }
    case 'close':
      if (file.close() < 0) throw new Error('the file could not be finished');
      file = undefined;
  }
}

function groupAt(root: File, path: string): Group {
  if (path === '/') return root;
  const group = root.get(path);
  if (group instanceof Group) return group;
  throw new Error(`there is no group ${path}`);
}
