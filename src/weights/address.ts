/** Addresses of downloads: what may be followed, what may be shown. */
import type { Environment } from '../files/project.ts';

export const MOST_REDIRECTS = 5;

/** N4: the next address of a redirect, or why it is refused. Data may move to another host, but not from https to http. */
export function nextAddress(from: URL, location: string): URL | string {
  let next: URL;
  try {
    next = new URL(location, from);
  } catch {
    return `redirects to something that is no address, ${JSON.stringify(location.slice(0, 200))}`;
  }
  if (next.protocol !== 'https:' && next.protocol !== 'http:')
    return `redirects to ${next.protocol}, which is not followed`;
  if (from.protocol === 'https:' && next.protocol === 'http:')
    return `redirects from https to http (${showAddress(next)}), which is not followed`;
  return next;
}

/** An address without user, password and query, for messages. */
export function showAddress(address: URL): string {
  return `${address.protocol}//${address.host}${address.pathname}`;
}

/** The user and password of an address, sent only to its own origin. */
export function credentialsFor(address: URL, origin: URL): Readonly<Record<string, string>> {
  if (address.origin !== origin.origin || origin.username === '') return {};
  const pair = `${decodeURIComponent(origin.username)}:${decodeURIComponent(origin.password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

/** The proxy that the usual variables name for an address, without its password; undefined for none. */
export function proxyFor(address: URL, environment: Environment): string | undefined {
  const { httpProxy, httpsProxy, noProxy } = proxySettings(environment);
  const proxy = address.protocol === 'https:' ? (httpsProxy ?? httpProxy) : httpProxy;
  if (!proxy || bypasses(address, noProxy ?? '')) return undefined;
  try {
    return new URL(proxy).origin;
  } catch {
    return 'an address that is not valid';
  }
}

/** The usual variables, lower case first, as curl reads them. */
export function proxySettings(environment: Environment) {
  const read = (name: string) => environment[name.toLowerCase()] || environment[name] || undefined;
  return { httpProxy: read('HTTP_PROXY'), httpsProxy: read('HTTPS_PROXY'), noProxy: read('NO_PROXY') };
}

function bypasses({ hostname, port }: URL, noProxy: string): boolean {
  return noProxy
    .split(/[\s,]+/)
    .filter(Boolean)
    .some((entry) => {
      const [host = '', wantedPort] = entry.toLowerCase().split(':');
      if (wantedPort && wantedPort !== port) return false;
      const suffix = host.replace(/^\*?\.?/, '');
      return host === '*' || hostname === suffix || hostname.endsWith(`.${suffix}`);
    });
}
