// The furniture that every page uses: headers, panels, states of loading and failure, status glyphs, ids and times.
import { useEffect, useState, type ReactNode } from 'react';
import type { ApiError, Loaded } from '../api';
import { ago, dateTime, shortId, utc, words } from '../format';
import { Link } from '../router';

export function PageHead({
  title,
  sub,
  actions,
  crumbs,
}: {
  title: ReactNode;
  sub?: ReactNode;
  actions?: ReactNode;
  crumbs?: string;
}) {
  useEffect(() => {
    const text = crumbs ?? (typeof title === 'string' ? title : '');
    document.title = text ? `${text} · Fettle` : 'Fettle';
  }, [title, crumbs]);
  return (
    <div className="page-head">
      <div className="titles">
        <h1>{title}</h1>
        {sub && <div className="sub">{sub}</div>}
      </div>
      {actions && <div className="row wrap">{actions}</div>}
    </div>
  );
}

export function Panel({
  title,
  aside,
  children,
  id,
}: {
  title: ReactNode;
  aside?: ReactNode;
  children: ReactNode;
  id?: string;
}) {
  return (
    <section className="panel" id={id}>
      <header>
        <h2>{title}</h2>
        {aside && <div className="aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}

type Tone = 'ok' | 'warning' | 'danger' | 'running' | 'none';
const states: Record<string, [string, Tone]> = {
  ok: ['✓', 'ok'],
  pass: ['✓', 'ok'],
  passed: ['✓', 'ok'],
  succeeded: ['✓', 'ok'],
  finished: ['✓', 'ok'],
  ready: ['✓', 'ok'],
  serving: ['✓', 'ok'],
  resolved: ['✓', 'ok'],
  closed: ['✓', 'ok'],
  finish: ['✓', 'ok'],
  running: ['●', 'running'],
  progressing: ['●', 'running'],
  promoting: ['●', 'running'],
  training: ['●', 'running'],
  gating: ['●', 'running'],
  rolling_out: ['●', 'running'],
  versioning: ['●', 'running'],
  loading: ['●', 'running'],
  open: ['●', 'running'],
  start: ['●', 'running'],
  advance: ['●', 'running'],
  failed: ['✗', 'danger'],
  fail: ['✗', 'danger'],
  firing: ['✗', 'danger'],
  fire: ['✗', 'danger'],
  error: ['✗', 'danger'],
  timed_out: ['✗', 'danger'],
  lost: ['✗', 'danger'],
  killed: ['✗', 'danger'],
  rolled_back: ['✗', 'danger'],
  roll_back: ['✗', 'danger'],
  aborting: ['✗', 'danger'],
  critical: ['✗', 'danger'],
  warning: ['!', 'warning'],
  warn: ['!', 'warning'],
  drifted: ['!', 'warning'],
  degraded: ['!', 'warning'],
  dirty: ['!', 'warning'],
  rejected: ['✗', 'warning'],
  block: ['‖', 'warning'],
  pending: ['◌', 'warning'],
  waiting: ['◌', 'none'],
  wait: ['◌', 'none'],
  hold: ['◌', 'none'],
  queued: ['◌', 'none'],
  scheduled: ['◌', 'none'],
  inactive: ['◌', 'none'],
  info: ['◌', 'none'],
  not_run: ['◌', 'none'],
  paused: ['‖', 'warning'],
  pause: ['‖', 'warning'],
  cancelled: ['⊘', 'none'],
  superseded: ['⊘', 'none'],
  inconclusive: ['?', 'warning'],
  insufficient_data: ['▨', 'none'],
  no_reference: ['▨', 'none'],
  no_windows: ['▨', 'none'],
};
export function toneOf(state: string): Tone {
  return states[state.toLowerCase()]?.[1] ?? 'none';
}
export function glyphOf(state: string): string {
  return states[state.toLowerCase()]?.[0] ?? '·';
}

export function Status({ state, chip = false, text }: { state: string; chip?: boolean; text?: string }) {
  return (
    <span className={`status tone-${toneOf(state)}${chip ? ' chip' : ''}`}>
      <span className="glyph" aria-hidden="true">
        {glyphOf(state)}
      </span>
      {text ?? words(state.toLowerCase())}
    </span>
  );
}

export function Time({ ms, absolute = false }: { ms: number | string | null | undefined; absolute?: boolean }) {
  const n = ms === null || ms === undefined || ms === '' ? null : Number(ms);
  if (n === null || n === 0) return <span className="muted">–</span>;
  return (
    <time className="nowrap" dateTime={utc(n)} title={`${dateTime(n)} · ${utc(n)}`}>
      {absolute ? dateTime(n) : ago(n)}
    </time>
  );
}

export function Id({ id, to }: { id: string; to?: string }) {
  const text = shortId(id);
  return to ? (
    <Link to={to} className="mono nowrap" title={id}>
      {text}
    </Link>
  ) : (
    <span className="mono nowrap" title={id}>
      {text}
    </span>
  );
}

export function Copy({ text, label = 'copy' }: { text: string; label?: string }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      return;
    }
    setDone(true);
    window.setTimeout(() => setDone(false), 1500);
  };
  return (
    <button type="button" className="button quiet" onClick={copy} aria-label={`${label}: ${text}`}>
      {done ? 'copied' : label}
    </button>
  );
}

/** The command-line twin of what the page shows. */
export function Command({ text }: { text: string }) {
  return (
    <span className="command">
      <code>{text}</code>
      <Copy text={text} />
    </span>
  );
}

export function Empty({ title, children, command }: { title: string; children?: ReactNode; command?: string }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
      {command && <pre className="block">{command}</pre>}
    </div>
  );
}

export function Failed({ error, retry, refused = false }: { error: ApiError; retry?: () => void; refused?: boolean }) {
  return (
    <div className={`note ${error.status === 404 || error.status === 501 ? 'warning' : 'danger'}`} role="alert">
      <div className="row spread">
        <strong>
          {error.status === 501
            ? 'not there yet'
            : error.status === 404
              ? 'not found'
              : refused
                ? 'refused, nothing was changed'
                : 'this part could not be loaded'}
        </strong>
        {retry && (
          <button type="button" className="button" onClick={retry}>
            try again
          </button>
        )}
      </div>
      <div>{error.message}</div>
      {error.details.map((d) => (
        <div key={d.path + d.message} className="secondary">
          <code>{d.path}</code> {d.message}
        </div>
      ))}
      {error.fix && (
        <div>
          fix: <code>{error.fix}</code>
        </div>
      )}
      {error.requestId && <div className="muted">request {error.requestId}</div>}
    </div>
  );
}

export function Skeleton({ lines = 4, height = 20 }: { lines?: number; height?: number }) {
  return (
    <div className="stack" aria-busy="true" aria-label="loading">
      {Array.from({ length: lines }, (_, i) => (
        <div key={i} className="skeleton" style={{ height, width: `${100 - ((i * 17) % 40)}%` }} />
      ))}
    </div>
  );
}

/** One request's three states. An error after data came keeps the data and says how old they are. */
export function Loads<T>({
  of,
  children,
  lines,
  height,
}: {
  of: Loaded<T>;
  children: (data: T) => ReactNode;
  lines?: number;
  height?: number;
}) {
  if (of.data !== undefined) return <>{children(of.data)}</>;
  if (of.error) return <Failed error={of.error} retry={of.reload} />;
  return <Skeleton lines={lines} height={height} />;
}

export function Facts({ of }: { of: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {of
        .filter(([, value]) => value !== undefined && value !== null && value !== '')
        .map(([name, value]) => (
          <FactRow key={name} name={name} value={value} />
        ))}
    </dl>
  );
}
function FactRow({ name, value }: { name: string; value: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}

export function Figure({ value, what, tone }: { value: ReactNode; what: ReactNode; tone?: string }) {
  return (
    <div className="figure">
      <div className={`big${tone ? ` tone-${tone}` : ''}`}>{value}</div>
      <div className="what">{what}</div>
    </div>
  );
}

export function Tabs({ of, current, to }: { of: [string, string][]; current: string; to: (key: string) => string }) {
  return (
    <nav className="tabs" aria-label="sections">
      {of.map(([key, label]) => (
        <Link key={key} to={to(key)} aria-current={key === current ? 'page' : undefined}>
          {label}
        </Link>
      ))}
    </nav>
  );
}

export function Segmented({
  of,
  value,
  onChange,
  label,
}: {
  of: [string, string][];
  value: string;
  onChange: (v: string) => void;
  label: string;
}) {
  return (
    <div className="segmented" role="group" aria-label={label}>
      {of.map(([key, text]) => (
        <button key={key} type="button" aria-pressed={key === value} onClick={() => onChange(key)}>
          {text}
        </button>
      ))}
    </div>
  );
}

export function Json({ value }: { value: unknown }) {
  return <pre className="block wrap">{JSON.stringify(value, null, 2)}</pre>;
}

/** A spec as YAML-like lines: what people wrote in their files. */
export function Spec({ value }: { value: unknown }) {
  return <pre className="block">{toYaml(value, 0) || '{}'}</pre>;
}
function toYaml(value: unknown, depth: number): string {
  const pad = '  '.repeat(depth);
  if (Array.isArray(value)) {
    if (value.every((v) => typeof v !== 'object' || v === null)) return `${pad}[${value.map(String).join(', ')}]`;
    return value.map((v) => `${pad}- ${toYaml(v, depth + 1).trimStart()}`).join('\n');
  }
  if (value && typeof value === 'object') {
    return Object.entries(value)
      .map(([key, v]) => {
        const inner = typeof v === 'object' && v !== null;
        const empty = inner && Object.keys(v).length === 0;
        if (empty) return `${pad}${key}: ${Array.isArray(v) ? '[]' : '{}'}`;
        const flat = Array.isArray(v) && v.every((x) => typeof x !== 'object' || x === null);
        if (inner && !flat) return `${pad}${key}:\n${toYaml(v, depth + 1)}`;
        return `${pad}${key}: ${flat ? toYaml(v, 0) : String(v)}`;
      })
      .join('\n');
  }
  return pad + String(value);
}
