// Loaded with `node --import` before a test program: makes the file system fail as FAULT (JSON) says, without a hook in the code under test.
//   {"at": n, "do": "kill" | "power" | "nuls" | <errno>}: at the n-th write, flush, rename, link or removal below FAULT.below. A write is done by half first.
//     kill: the process ends at once. power: and whatever was not flushed is cut off; nuls: or reads as NULs.
//     An errno is thrown at that call only ("once": true) or from there on.
//   {"bytes": n, "do": <errno>}: from the n-th byte written on.
//   {"reads": <errno>, "path": part}: reads of files whose path contains the part fail.
//   {"lockless": true}: exclusive creation and links below claims/ always succeed.
//   {"clockMs": n}: Date is off by so much.
//   {"count": file}: the number of operations is written there at the end.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const fault = JSON.parse(process.env['FAULT'] ?? '{}');
const real = { ...fs, promises: { ...fs.promises } };
const paths = new Map(); // descriptor → path, of files opened for writing
const flushed = new Map(); // path → bytes that are on the device
let operations = 0;
let bytes = 0;
let failing = false;

const concerns = (path) => typeof path === 'string' && path.startsWith(fault.below ?? '/');
const failure = (errno, call, path) =>
  Object.assign(new Error(`${errno}: injected, ${call} '${path}'`), { code: errno, syscall: call, path });

function cutUnflushed() {
  for (const [path, size] of flushed) {
    const now = real.statSync(path, { throwIfNoEntry: false })?.size;
    if (now === undefined || now <= size) continue;
    real.truncateSync(path, size);
    if (fault.do === 'nuls') real.truncateSync(path, now);
  }
}

function fail(call, path, half) {
  if (['kill', 'power', 'nuls'].includes(fault.do)) {
    half?.();
    if (fault.do !== 'kill') cutUnflushed();
    process.kill(process.pid, 'SIGKILL');
    for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
  }
  half?.();
  throw failure(fault.do, call, path);
}

/** Counts an operation; fails when its time has come. `half` does half of it. */
function step(call, path, half, length = 0) {
  if (!concerns(path)) return;
  operations++;
  bytes += length;
  const due = fault.at === operations || (fault.bytes !== undefined && length > 0 && bytes > fault.bytes);
  if (due && !fault.once) failing = fault.do;
  const freeing = call === 'unlink' || call === 'truncate';
  if (due || (failing && !freeing)) fail(call, path, half);
}

const lengthOf = (data) => (typeof data === 'string' ? Buffer.byteLength(data) : data.byteLength);

fs.openSync = (path, flags = 'r', mode) => {
  if (fault.reads && flags === 'r' && String(path).includes(fault.path))
    return track(real.openSync(path, flags, mode), path, 'r');
  if (fault.lockless && String(path).includes('/claims/') && flags === 'wx') flags = 'w';
  return track(real.openSync(path, flags, mode), path, flags);
};
function track(descriptor, path, flags) {
  paths.set(descriptor, String(path));
  if (flags !== 'r' && concerns(String(path)) && !flushed.has(String(path))) {
    flushed.set(String(path), flags === 'r+' ? real.fstatSync(descriptor).size : 0);
  }
  return descriptor;
}
fs.writeSync = (descriptor, data, offset = 0, length = lengthOf(data) - offset, position = null) => {
  step('write', paths.get(descriptor), () => real.writeSync(descriptor, data, offset, length >> 1, position), length);
  return real.writeSync(descriptor, data, offset, length, position);
};
fs.fsyncSync = (descriptor) => {
  step('fsync', paths.get(descriptor));
  real.fsyncSync(descriptor);
  if (flushed.has(paths.get(descriptor))) flushed.set(paths.get(descriptor), real.fstatSync(descriptor).size);
};
fs.renameSync = (from, to) => {
  step('rename', String(from));
  real.renameSync(from, to);
  if (!flushed.has(from)) return;
  flushed.set(to, flushed.get(from));
  flushed.delete(from);
};
fs.linkSync = (from, to) => {
  step('link', String(from));
  if (fault.lockless && String(to).includes('/claims/')) real.rmSync(to, { force: true });
  real.linkSync(from, to);
};
fs.writeFileSync = (path, data, options) => {
  step('write', String(path), () => real.writeFileSync(path, data.slice(0, data.length >> 1), options), lengthOf(data));
  if (concerns(String(path)) && !flushed.has(String(path))) flushed.set(String(path), 0);
  if (fault.lockless && String(path).includes('/claims/')) return real.writeFileSync(path, data);
  return real.writeFileSync(path, data, options);
};
fs.mkdirSync = (path, options) => {
  if (real.existsSync(path)) return undefined;
  step('mkdir', String(path));
  return real.mkdirSync(path, options);
};
fs.rmSync = (path, options) => {
  if (real.existsSync(path)) step('unlink', String(path));
  return real.rmSync(path, options);
};
fs.readFileSync = (path, options) => {
  if (fault.reads && String(path).includes(fault.path)) throw failure(fault.reads, 'read', path);
  return real.readFileSync(path, options);
};
fs.readSync = (descriptor, ...rest) => {
  if (fault.reads && paths.get(descriptor)?.includes(fault.path))
    throw failure(fault.reads, 'read', paths.get(descriptor));
  return real.readSync(descriptor, ...rest);
};
fs.read = (descriptor, ...rest) => {
  if (fault.reads && paths.get(descriptor)?.includes(fault.path)) {
    const done = rest.at(-1);
    setImmediate(() => done(failure(fault.reads, 'read', paths.get(descriptor))));
    return;
  }
  real.read(descriptor, ...rest);
};
fs.promises.open = async (path, flags = 'r', mode) => {
  const handle = await real.promises.open(path, flags, mode);
  const name = String(path);
  if (flags !== 'r' && concerns(name)) flushed.set(name, 0);
  const own = {
    write: handle.write.bind(handle),
    datasync: handle.datasync.bind(handle),
    truncate: handle.truncate.bind(handle),
    read: handle.read.bind(handle),
  };
  handle.write = async (data, offset = 0, length = data.byteLength - offset, position = null) => {
    step('write', name, () => real.writeSync(handle.fd, data, offset, length >> 1, position), length);
    return own.write(data, offset, length, position);
  };
  handle.datasync = async () => {
    step('fdatasync', name);
    await own.datasync();
    if (flushed.has(name)) flushed.set(name, real.fstatSync(handle.fd).size);
  };
  handle.truncate = async (length) => {
    step('truncate', name);
    return own.truncate(length);
  };
  handle.read = async (...rest) => {
    if (fault.reads && name.includes(fault.path)) throw failure(fault.reads, 'read', name);
    return own.read(...rest);
  };
  return handle;
};
syncBuiltinESMExports();

if (fault.clockMs) {
  const RealDate = Date;
  globalThis.Date = class extends RealDate {
    constructor(...args) {
      super(...(args.length === 0 ? [RealDate.now() + fault.clockMs] : args));
    }
    static now() {
      return RealDate.now() + fault.clockMs;
    }
  };
}
if (fault.count) process.on('exit', () => real.writeFileSync(fault.count, String(operations)));
