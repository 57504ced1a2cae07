// Requests to the server: one error type, a small shared cache so that several panels of a page ask once, and polling while visible.
import { useCallback, useEffect, useRef, useState } from 'react';
import { serverPrefix } from './router';

export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code = '',
    readonly fix = '',
    readonly details: { path: string; message: string }[] = [],
    readonly requestId = '',
  ) {
    super(message);
  }
}

async function failure(response: Response): Promise<ApiError> {
  const text = await response.text();
  const requestId = response.headers.get('x-request-id') ?? '';
  try {
    const body = JSON.parse(text);
    if (body.error && typeof body.error === 'object') {
      const e = body.error;
      return new ApiError(
        e.message ?? text,
        response.status,
        e.code ?? '',
        e.fix ?? '',
        e.details ?? [],
        e.request_id ?? requestId,
      );
    }
    return new ApiError(body.message ?? text, response.status, body.error_code ?? '', '', [], requestId);
  } catch {
    return new ApiError(text.slice(0, 300) || response.statusText, response.status, '', '', [], requestId);
  }
}

export async function request<T>(method: string, url: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(serverPrefix + url, {
      method,
      headers:
        body === undefined
          ? { accept: 'application/json' }
          : { accept: 'application/json', 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError('the server does not answer', 0, 'unavailable', 'is it running?  fettle server');
  }
  if (!response.ok) throw await failure(response);
  return (await response.json()) as T;
}

/** Path of Fettle's own REST, with a query whose empty members are left out. */
export function fettle(path: string, query: Record<string, string | number | undefined | null> = {}) {
  return `/api/fettle/v1${path}${queryText(query)}`;
}
export function mlflow(path: string, query: Record<string, string | number | undefined | null> = {}) {
  return `/ajax-api/2.0/mlflow${path}${queryText(query)}`;
}
function queryText(query: Record<string, string | number | undefined | null>) {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query))
    if (value !== undefined && value !== null && value !== '') params.set(key, String(value));
  const text = params.toString();
  return text ? `?${text}` : '';
}

export interface Loaded<T> {
  data: T | undefined;
  error: ApiError | undefined;
  loading: boolean;
  reload: () => void;
}

const cache = new Map<string, unknown>();
const kCacheEntries = 200;
function remember(key: string, value: unknown) {
  cache.delete(key);
  cache.set(key, value);
  if (cache.size > kCacheEntries) cache.delete(cache.keys().next().value as string);
}

type Call = { method: string; url: string; body?: unknown };
type Watcher = (ok: boolean) => void;
const watchers = new Set<Watcher>();
/** Calls `watcher` with the outcome of every request: the shell's live dot. */
export function watchConnection(watcher: Watcher) {
  watchers.add(watcher);
  return () => {
    watchers.delete(watcher);
  };
}

/**
 * The answer of one request, refetched every `pollMs` while the page is visible (0: never). A refetch keeps the old data; an error keeps
 * it too, so that one failed poll does not empty a page. `call` null asks nothing.
 */
export function useApi<T>(call: Call | string | null, pollMs = 5000): Loaded<T> {
  const wanted = typeof call === 'string' ? { method: 'GET', url: call } : call;
  const key = wanted ? JSON.stringify(wanted) : '';
  const [state, setState] = useState<{ key: string; data?: T; error?: ApiError; at: number }>({ key: '', at: 0 });
  const [tick, setTick] = useState(0);
  const latest = useRef(key);
  latest.current = key;

  useEffect(() => {
    if (!key) return;
    const abort = new AbortController();
    let timer: number | undefined;
    const run = async () => {
      const { method, url, body } = JSON.parse(key) as Call;
      try {
        const data = await request<T>(method, url, body, abort.signal);
        remember(key, data);
        watchers.forEach((w) => w(true));
        if (latest.current === key) setState({ key, data, at: Date.now() });
      } catch (cause) {
        if (abort.signal.aborted) return;
        const error = cause instanceof ApiError ? cause : new ApiError(String(cause), 0);
        watchers.forEach((w) => w(error.status !== 0));
        if (latest.current === key)
          setState((old) => ({ key, data: old.key === key ? old.data : undefined, error, at: Date.now() }));
      }
      if (pollMs > 0 && !abort.signal.aborted) timer = window.setTimeout(next, pollMs);
    };
    const next = () => {
      if (document.hidden) document.addEventListener('visibilitychange', run, { once: true });
      else run();
    };
    run();
    return () => {
      abort.abort();
      window.clearTimeout(timer);
      document.removeEventListener('visibilitychange', run);
    };
  }, [key, pollMs, tick]);

  const reload = useCallback(() => setTick((n) => n + 1), []);
  const current = state.key === key;
  const data = current ? state.data : (cache.get(key) as T | undefined);
  return {
    data,
    error: current ? state.error : undefined,
    loading: !!key && !data && !(current && state.error),
    reload,
  };
}
