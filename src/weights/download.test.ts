import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writeKerasFile } from '../../test/keras-file.ts';
import { findArchitecture } from '../networks/architectures/index.ts';
import type { Weights } from '../networks/network.ts';
import { credentialsFor, nextAddress, proxyFor } from './address.ts';
import { loadBackbone } from './backbone.ts';
import { type DownloadOptions, download, type Wanted } from './download.ts';
import { fetchWeights, type ObtainContext, obtainCanonical, obtainUrl } from './obtain.ts';
import { type CanonicalFile, canonicalFiles, findCanonical, weightsPath } from './registry.ts';
import { addWeights, listWeights, readPin } from './store.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let home = '';
let server: Server;
let origin = '';
let handler: Handler = () => {};
const requests: IncomingMessage[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    requests.push(request);
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${addressOfServer(server).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'weights-'));
  requests.length = 0;
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function addressOfServer(listening: Server): AddressInfo {
  const address = listening.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return address;
}

const body = Buffer.alloc(600_000, Buffer.from(Array.from({ length: 251 }, (_, i) => i)));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex');
const options: DownloadOptions = { environment: {}, stallMs: 300, attempts: 3, pauseMs: 1 };

function wanted(parts: Partial<Wanted> = {}): Wanted {
  return {
    url: `${origin}/file.h5`,
    target: join(home, 'weights', 'file.h5'),
    name: 'file.h5',
    bytes: body.length,
    hash: { kind: 'sha256', digest: sha256(body) },
    ...parts,
  };
}

/** Serves bytes with ranges, as a good server does. */
function serve(bytes: Uint8Array, etag = '"v1"'): Handler {
  return (request, response) => {
    const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const part = start > 0 && (request.headers['if-range'] ?? etag) === etag;
    const rest = part ? bytes.subarray(start) : bytes;
    response.writeHead(part ? 206 : 200, {
      'content-length': rest.length,
      etag,
      ...(part && { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` }),
    });
    response.end(rest);
  };
}

/** Serves, but breaks off after `length` bytes the first `times` times. */
function breakOff(bytes: Uint8Array, length: number, times = 1): Handler {
  let left = times;
  const whole = serve(bytes);
  return (request, response) => {
    if (left-- <= 0) return whole(request, response);
    const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(start > 0 ? 206 : 200, {
      'content-length': bytes.length - start,
      etag: '"v1"',
      ...(start > 0 && { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` }),
    });
    response.write(bytes.subarray(start, start + length), () => response.destroy());
  };
}

const filesLeft = () => (existsSync(join(home, 'weights')) ? readdirSync(join(home, 'weights')).sort() : []);

describe('a download', () => {
  it('arrives with progress, and nothing else is left', async () => {
    handler = serve(body);
    const seen: number[] = [];
    const finished = await download(wanted(), { ...options, progress: (done, total) => seen.push(done, total ?? 0) });
    expect(finished).toEqual({ ok: true, value: { md5: md5(body), sha256: sha256(body) } });
    expect(readFileSync(wanted().target).equals(body)).toBe(true);
    expect(seen.slice(-2)).toEqual([body.length, body.length]);
    expect(filesLeft()).toEqual(['file.h5']);
  });

  it('N2 goes on where the connection broke, with Range and If-Range', async () => {
    handler = breakOff(body, 200_000, 2);
    expect(await download(wanted(), options)).toMatchObject({ ok: true });
    expect(requests).toHaveLength(3);
    expect(requests[0]?.headers.range).toBeUndefined();
    expect(requests[1]?.headers).toMatchObject({ 'if-range': '"v1"' });
    expect(requests[2]?.headers.range).toMatch(/^bytes=[1-9]/);
    expect(readFileSync(wanted().target).equals(body)).toBe(true);
  });

  it('N2 goes on in a later process', async () => {
    handler = breakOff(body, 100_000, 99);
    const failed = await download(wanted(), { ...options, attempts: 1 });
    expect(failed).toMatchObject({ error: { code: 'N001', help: expect.stringContaining('pipe weights add FILE') } });
    expect(filesLeft().filter((name) => !name.endsWith('.from'))).toEqual([
      expect.stringMatching(/^file\.h5\.part-left-/),
    ]);
    handler = serve(body);
    requests.length = 0;
    expect(await download(wanted(), options)).toMatchObject({ ok: true });
    expect(requests[0]?.headers.range).toMatch(/^bytes=[1-9]/);
    expect(filesLeft()).toEqual(['file.h5']);
  });

  it('N2 starts again where the file has changed on the server meanwhile', async () => {
    handler = breakOff(Buffer.alloc(body.length, 7), 100_000, 99);
    await download(wanted(), { ...options, attempts: 1 });
    handler = serve(body, '"v2"');
    expect(await download(wanted(), options)).toMatchObject({ ok: true });
    expect(readFileSync(wanted().target).equals(body)).toBe(true);
  });

  it('N2 starts again where bytes of before are to blame for a wrong hash', async () => {
    handler = breakOff(Buffer.alloc(body.length, 7), 100_000, 99);
    await download(wanted(), { ...options, attempts: 1 });
    handler = serve(body, '"v1"');
    expect(await download(wanted(), options)).toMatchObject({ ok: true });
    expect(readFileSync(wanted().target).equals(body)).toBe(true);
  });

  it('N3 takes 200 as answer to a Range request for the whole file', async () => {
    let first = true;
    const broken = breakOff(body, 100_000);
    handler = (request, response) => {
      if (first) broken(request, response);
      else response.writeHead(200, { 'content-length': body.length }).end(body);
      first = false;
    };
    expect(await download(wanted(), options)).toMatchObject({ ok: true });
    expect(readFileSync(wanted().target).equals(body)).toBe(true);
  });

  it('N3 starts again at 416, and at a part that was not asked for', async () => {
    const answers: Handler[] = [
      breakOff(body, 100_000),
      (_request, response) => response.writeHead(416).end(),
      breakOff(body, 100_000),
      (_request, response) => response.writeHead(206, { 'content-range': 'bytes 5-9/10' }).end(body.subarray(5, 10)),
      serve(body),
    ];
    handler = (request, response) => answers.shift()?.(request, response);
    expect(await download(wanted(), { ...options, attempts: 9 })).toMatchObject({ ok: true });
    expect(answers).toHaveLength(0);
    expect(readFileSync(wanted().target).equals(body)).toBe(true);
  });

  it('N3 unpacks gzip that it did not ask for', async () => {
    handler = (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(body));
    expect(await download(wanted(), options)).toMatchObject({ ok: true });
    expect(readFileSync(wanted().target).equals(body)).toBe(true);
  });

  it('N3 refuses another length before a byte of it, and more bytes than there should be', async () => {
    handler = serve(body.subarray(1));
    expect(await download(wanted(), options)).toMatchObject({
      error: { code: 'N004', message: expect.stringContaining('a file of 599999 bytes; file.h5 has 600000') },
    });
    handler = (_request, response) => response.writeHead(200).end(Buffer.concat([body, body]));
    expect(await download(wanted(), options)).toMatchObject({
      error: { code: 'N004', message: expect.stringContaining('more than the 600000 bytes') },
    });
    expect(filesLeft()).toEqual([]);
  });

  it('N1 W1 is refused with the wrong hash, wanted and got printed, and not kept', async () => {
    handler = serve(Buffer.alloc(body.length));
    expect(await download(wanted(), options)).toMatchObject({
      error: {
        code: 'M006',
        message: expect.stringContaining(
          `sha256 ${sha256(body)} is wanted, ${sha256(Buffer.alloc(body.length))} was got`,
        ),
      },
    });
    expect(filesLeft()).toEqual([]);
  });

  it('N9 names a web page as one, by its type and by its start', async () => {
    handler = (_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<p>log in</p>');
    expect(await download(wanted(), options)).toMatchObject({
      error: { code: 'N004', message: expect.stringContaining('gives a web page') },
    });
    handler = (_request, response) => response.writeHead(200).end('<!DOCTYPE html><html><body>Sorry');
    expect(await download(wanted({ bytes: undefined }), options)).toMatchObject({
      error: { code: 'N004', message: expect.stringContaining('gives a web page') },
    });
  });

  it('N8 gives up a server that goes silent, saying so', async () => {
    handler = (_request, response) => {
      response.writeHead(200, { 'content-length': body.length });
      response.write(body.subarray(0, 10));
    };
    expect(await download(wanted(), { ...options, attempts: 2 })).toMatchObject({
      error: { code: 'N005', message: expect.stringContaining('nothing came for 0.3 s') },
    });
  });

  it('retries busy servers, and not those that refuse', async () => {
    const answers = [503, 429];
    handler = (request, response) => {
      const status = answers.shift();
      if (status) response.writeHead(status, { 'retry-after': '0' }).end();
      else serve(body)(request, response);
    };
    expect(await download(wanted(), options)).toMatchObject({ ok: true });
    requests.length = 0;
    handler = (_request, response) => response.writeHead(404).end();
    expect(await download(wanted(), options)).toMatchObject({
      error: { code: 'N001', message: expect.stringContaining('status 404') },
    });
    expect(requests).toHaveLength(1);
  });

  it('N5 two at once are both right, and one file is left', async () => {
    handler = serve(body);
    const both = await Promise.all([download(wanted(), options), download(wanted(), options)]);
    expect(both.map(({ ok }) => ok)).toEqual([true, true]);
    expect(readFileSync(wanted().target).equals(body)).toBe(true);
    expect(filesLeft()).toEqual(['file.h5']);
  });

  it('keeps what it has when interrupted', async () => {
    handler = (_request, response) => {
      response.writeHead(200, { 'content-length': body.length, etag: '"v1"' });
      response.write(body.subarray(0, 100_000));
    };
    const abort = new AbortController();
    const running = download(wanted(), {
      ...options,
      stallMs: 60_000,
      signal: abort.signal,
      progress: () => abort.abort(),
    });
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
    expect(filesLeft().some((name) => name.includes('.part-left-'))).toBe(true);
  });

  it('K11 a folder that cannot be written is said to be the disk’s fault', async () => {
    handler = serve(body);
    writeFileSync(join(home, 'weights'), 'a file where a folder should be');
    await expect(download(wanted(), options)).rejects.toMatchObject({ name: 'CacheWriteError' });
  });
});

describe('redirects', () => {
  it('N4 are followed to another host, without the password', async () => {
    const other = createServer((request, response) => {
      requests.push(request);
      serve(body)(request, response);
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    handler = (_request, response) =>
      response.writeHead(302, { location: `http://localhost:${addressOfServer(other).port}/there` }).end();
    const finished = await download(
      wanted({ url: `${origin.replace('http://', 'http://user:secret@')}/file.h5` }),
      options,
    );
    other.closeAllConnections();
    other.close();
    expect(finished).toMatchObject({ ok: true });
    expect(requests.map(({ headers }) => headers.authorization)).toEqual([
      `Basic ${Buffer.from('user:secret').toString('base64')}`,
      undefined,
    ]);
  });

  it('N4 are followed five times and no further', async () => {
    let hops = 0;
    handler = (request, response) => {
      if (hops-- > 0) response.writeHead(307, { location: `/hop-${hops}` }).end();
      else serve(body)(request, response);
    };
    hops = 5;
    expect(await download(wanted(), options)).toMatchObject({ ok: true });
    hops = 6;
    expect(await download(wanted(), options)).toMatchObject({
      error: { code: 'N003', message: expect.stringContaining('more than 5 times') },
    });
  });

  it('N4 to a file or from https to http are refused', async () => {
    handler = (_request, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end();
    expect(await download(wanted(), options)).toMatchObject({
      error: { code: 'N003', message: expect.stringContaining('redirects to file:') },
    });
    expect(nextAddress(new URL('https://a.test/x'), 'http://a.test/x')).toContain('from https to http');
    expect(nextAddress(new URL('https://a.test/x'), '/y')).toEqual(new URL('https://a.test/y'));
    expect(credentialsFor(new URL('https://b.test/x'), new URL('https://u:p@a.test/x'))).toEqual({});
  });
});

describe('proxies', () => {
  it('N6 are used, and named without their password where they fail', async () => {
    const environment = { http_proxy: 'http://user:hidden@127.0.0.1:9' };
    const failed = await download(wanted({ url: 'http://weights.test/file.h5' }), {
      ...options,
      attempts: 1,
      environment,
    });
    expect(failed).toMatchObject({
      error: { code: 'N001', message: expect.stringContaining('through the proxy http://127.0.0.1:9') },
    });
    expect(JSON.stringify(failed)).not.toContain('hidden');
  });

  it('N6 are left out for the hosts of NO_PROXY', () => {
    const environment = { HTTPS_PROXY: 'http://proxy.test:3128', NO_PROXY: 'localhost,.inner.test' };
    expect(proxyFor(new URL('https://a.test/x'), environment)).toBe('http://proxy.test:3128');
    expect(proxyFor(new URL('https://a.inner.test/x'), environment)).toBeUndefined();
    expect(proxyFor(new URL('http://a.test/x'), environment)).toBeUndefined();
  });
});

describe('the files of Keras', () => {
  const file: CanonicalFile = {
    name: 'file.h5',
    url: '',
    backbone: 'vgg16',
    alpha: 1,
    top: false,
    bytes: undefined,
    md5: undefined,
  };
  const context = (parts: Partial<ObtainContext> = {}): ObtainContext => ({
    ...options,
    home,
    offline: false,
    ...parts,
  });

  it('N7 offline, the error says what, where from, the hash and the way out', async () => {
    const [vgg] = canonicalFiles;
    expect(await obtainCanonical(vgg ?? file, context({ offline: true }))).toMatchObject({
      error: {
        code: 'N002',
        message: expect.stringContaining(`vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5 is not at ${home}`),
        help: expect.stringMatching(
          /storage\.googleapis\.com\/.*58889256 bytes, md5 6d6bbae143d832006294945121d1f1fc.*pipe weights add FILE/,
        ),
      },
    });
  });

  it('are fetched by name', async () => {
    handler = serve(body);
    const mirrored = context({ environment: { PIPE_WEIGHTS_MIRROR: origin } });
    expect(await fetchWeights('mobilenet-v1-0.25', mirrored)).toEqual({
      ok: true,
      value: weightsPath(home, 'mobilenet_2_5_224_tf_no_top.h5'),
    });
    expect(await fetchWeights('vgg61', mirrored)).toMatchObject({
      error: { code: 'M004', help: expect.stringContaining('did you mean "vgg16"') },
    });
  });

  it('N7 with a copy here there is no request', async () => {
    handler = serve(body);
    const mirrored = context({ environment: { PIPE_WEIGHTS_MIRROR: `${origin}/mirror/` } });
    expect(await obtainCanonical({ ...file, md5: md5(body) }, mirrored)).toEqual({
      ok: true,
      value: weightsPath(home, 'file.h5'),
    });
    expect(requests.map(({ url }) => url)).toEqual(['/mirror/file.h5']);
    expect(await obtainCanonical({ ...file, md5: md5(body) }, context({ offline: true }))).toMatchObject({ ok: true });
    expect(requests).toHaveLength(1);
  });

  it('W1 a stored copy that has changed is refused before it is read', async () => {
    handler = serve(body);
    const mirrored = context({ environment: { PIPE_WEIGHTS_MIRROR: origin } });
    await obtainCanonical({ ...file, md5: md5(body) }, mirrored);
    writeFileSync(weightsPath(home, 'file.h5'), 'changed');
    expect(await obtainCanonical({ ...file, md5: md5(body) }, mirrored)).toMatchObject({
      error: { code: 'M006', message: expect.stringContaining(md5(body)) },
    });
  });

  it('W2 a file without a published hash is pinned at first use', async () => {
    handler = serve(body);
    const mirrored = context({ environment: { PIPE_WEIGHTS_MIRROR: origin } });
    expect(await obtainCanonical(file, mirrored)).toMatchObject({ ok: true });
    expect(readPin(home, 'file.h5')).toBe(sha256(body));
    rmSync(weightsPath(home, 'file.h5'));
    handler = serve(Buffer.alloc(body.length));
    expect(await obtainCanonical(file, mirrored)).toMatchObject({
      error: { code: 'M006', message: expect.stringContaining(`sha256 ${sha256(body)} is wanted`) },
    });
  });

  it('an address of one’s own needs its hash, and is fetched once', async () => {
    handler = serve(body);
    const url = `${origin}/some/net.h5?token=x`;
    expect(await obtainUrl(url, sha256(body), context())).toMatchObject({ ok: true });
    expect(await obtainUrl(url, sha256(body), context({ offline: true }))).toMatchObject({ ok: true });
    expect(requests).toHaveLength(1);
  });

  it('are imported by hash or by name, and listed', async () => {
    const path = join(home, 'mobilenet_2_5_224_tf_no_top.h5');
    writeFileSync(path, body);
    expect(await addWeights(home, path)).toMatchObject({ ok: true, value: { file: { alpha: 0.25, top: false } } });
    const listed = listWeights(home).filter((entry) => entry.path);
    expect(listed).toMatchObject([
      { name: 'mobilenet_2_5_224_tf_no_top.h5', bytes: body.length, pinned: sha256(body) },
    ]);
    const wrong = join(home, 'vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5');
    writeFileSync(wrong, body);
    expect(await addWeights(home, wrong)).toMatchObject({
      error: { code: 'M006', message: expect.stringContaining('6d6bbae143d832006294945121d1f1fc is wanted') },
    });
    const unknown = join(home, 'other.h5');
    writeFileSync(unknown, body);
    expect(await addWeights(home, unknown)).toMatchObject({
      error: { code: 'M007', help: expect.stringContaining('weights: path/to/file.h5') },
    });
  });
});

describe('a file with the true layers of VGG16', () => {
  const vgg = findArchitecture('vgg16');
  const image = [32, 32, 3];
  let path = '';
  let bytes = Buffer.alloc(0);
  let written: Weights = new Map();

  beforeAll(async () => {
    path = join(mkdtempSync(join(tmpdir(), 'vgg16-')), 'vgg16.h5');
    const network = vgg?.build({ height: 32, width: 32, channels: 3, top: false, classes: 1000, alpha: 1 });
    if (network) written = await writeKerasFile(path, network, 1);
    bytes = readFileSync(path);
  }, 120_000);
  afterAll(() => rmSync(path, { force: true }));

  it('has the 14,714,688 numbers', () => {
    expect([...written.values()].reduce((sum, { data }) => sum + data.length, 0)).toBe(14_714_688);
    expect(statSync(path).size).toBeGreaterThan(58_858_752);
  });

  it('is fetched over a connection that drops midway, and becomes a backbone', async () => {
    handler = breakOff(bytes, 30_000_000);
    const published = findCanonical('vgg16', 1, false);
    if (!published) throw new Error('not in the registry');
    const context: ObtainContext = {
      ...options,
      stallMs: 20_000,
      home,
      offline: false,
      environment: { PIPE_WEIGHTS_MIRROR: origin },
    };
    const program = await loadBackbone(
      {
        identity: {},
        choice: {
          backbone: { type: 'built-in', name: 'vgg16', alpha: 1 },
          weights: { type: 'imagenet' },
          top: false,
          layer: 'block3_pool',
          pooling: 'none',
        },
        source: { type: 'canonical', file: { ...published, md5: md5(bytes), bytes: bytes.length } },
      },
      image,
      context,
    );
    if (!program.ok) throw new Error(program.error.message);
    expect(requests.map(({ headers }) => headers.range !== undefined)).toEqual([false, true]);
    expect(program.value).toMatchObject({ kind: 'network', layer: 'block3_pool', pooling: 'none' });
    if (program.value.kind !== 'network') return;
    expect(program.value.weights.size).toBe(14);
    expect(program.value.weights.get('block3_conv3/kernel')).toEqual(written.get('block3_conv3/kernel'));
  });

  it('is refused under the published hash', async () => {
    handler = serve(bytes);
    const published = findCanonical('vgg16', 1, false);
    if (!published) throw new Error('not in the registry');
    const context: ObtainContext = {
      ...options,
      stallMs: 20_000,
      home,
      offline: false,
      environment: { PIPE_WEIGHTS_MIRROR: origin },
    };
    expect(await obtainCanonical({ ...published, bytes: bytes.length }, context)).toMatchObject({
      error: { code: 'M006' },
    });
    expect(filesLeft()).toEqual([]);
  });
});
