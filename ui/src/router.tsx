// Client routing over the History API. The whole state of a page is its path and query, so a pasted link shows the same thing.
import { useCallback, useMemo, useSyncExternalStore, type AnchorHTMLAttributes, type MouseEvent } from 'react';

const base = new URL(document.baseURI).pathname.replace(/\/$/, '');
const listeners = new Set<() => void>();

function subscribe(listener: () => void) {
  listeners.add(listener);
  window.addEventListener('popstate', listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener('popstate', listener);
  };
}

function snapshot() {
  return location.pathname + location.search;
}

/** The URL prefix of the server's APIs: `''`, or a reverse proxy's prefix. */
export const serverPrefix = base.replace(/\/ui$/, '');

export function navigate(to: string, options: { replace?: boolean } = {}) {
  const url = base + to;
  if (url === snapshot()) return;
  if (options.replace) history.replaceState(null, '', url);
  else history.pushState(null, '', url);
  if (!options.replace) window.scrollTo(0, 0);
  listeners.forEach((listener) => listener());
}

export interface Location {
  path: string;
  query: URLSearchParams;
}

export function useLocation(): Location {
  const url = useSyncExternalStore(subscribe, snapshot);
  return useMemo(() => {
    const [pathname = '', search = ''] = url.split('?');
    const path = pathname.startsWith(base) ? pathname.slice(base.length) : pathname;
    return { path: path === '' ? '/' : path, query: new URLSearchParams(search) };
  }, [url]);
}

/** One member of the query as state; writing the fallback removes it from the URL. Parameters that are not known are kept. */
export function useQueryState(key: string, fallback = ''): [string, (value: string) => void] {
  const { query } = useLocation();
  const value = query.get(key) ?? fallback;
  const set = useCallback(
    (next: string) => {
      const params = new URLSearchParams(location.search);
      if (next === fallback) params.delete(key);
      else params.set(key, next);
      const text = params.toString();
      navigate(location.pathname.slice(base.length) + (text ? `?${text}` : ''), { replace: true });
    },
    [key, fallback],
  );
  return [value, set];
}

/** Matches `/runs/:id`; `*` at the end takes the rest. Values are percent-decoded. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const want = pattern.split('/').filter(Boolean);
  const have = path.split('/').filter(Boolean);
  if (want.length !== have.length) return null;
  const values: Record<string, string> = {};
  for (let i = 0; i < want.length; i += 1) {
    const part = want[i] as string;
    const text = have[i] as string;
    if (part.startsWith(':')) values[part.slice(1)] = decode(text);
    else if (part !== text) return null;
  }
  return values;
}

function decode(text: string) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** `path\`/models/${name}\`` with every value percent-encoded. */
export function path(parts: TemplateStringsArray, ...values: (string | number)[]) {
  return parts.reduce(
    (text, part, i) => text + part + (i < values.length ? encodeURIComponent(String(values[i])) : ''),
    '',
  );
}

export function Link({ to, onClick, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { to: string }) {
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    event.preventDefault();
    navigate(to);
  };
  return <a href={base + to} onClick={follow} {...rest} />;
}

/** The stock `mlflow` client prints hash links; they land on the page that shows the same thing. */
export function translateHash(hash: string): string | null {
  const route = hash.replace(/^#/, '').split('?')[0] ?? '';
  const run = route.match(/^\/experiments\/[^/]+\/runs\/([^/]+)/);
  if (run) return `/runs/${run[1]}`;
  const experiment = route.match(/^\/experiments\/([^/]+)/);
  if (experiment) return `/runs?experiment=${experiment[1]}`;
  const version = route.match(/^\/models\/([^/]+)\/versions\/([^/]+)/);
  if (version) return `/models/${version[1]}/versions/${version[2]}`;
  const model = route.match(/^\/models\/([^/]+)/);
  if (model) return `/models/${model[1]}`;
  return null;
}
