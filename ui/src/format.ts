// Numbers, times and sizes as people read them (four significant digits, relative times, binary sizes).
import type { Num } from './types';

const integer = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export function toNumber(value: Num): number | null {
  if (value === null || value === undefined || value === '') return null;
  const n = typeof value === 'number' ? value : Number(value);
  return Number.isFinite(n) ? n : null;
}

export function num(value: Num, digits = 4): string {
  if (value === null || value === undefined || value === '') return '–';
  const n = typeof value === 'number' ? value : Number(value);
  if (!Number.isFinite(n)) return String(value);
  if (n === 0) return '0';
  const size = Math.abs(n);
  if (Number.isInteger(n) && size < 1e9) return integer.format(n);
  if (size >= 1e6 || size < 1e-4) return n.toExponential(2).replace('e+', 'e');
  if (size >= 1000) return integer.format(n);
  return String(Number(n.toPrecision(digits)));
}

export function probability(value: Num): string {
  const n = toNumber(value);
  return n !== null && n < 1e-9 ? '< 1e-9' : num(value, 3);
}

/** A bin by its edges, short enough for an axis. */
export function binName(bin: { label: string; low?: Num; high?: Num }): string {
  const low = toNumber(bin.low);
  const high = toNumber(bin.high);
  return low === null || high === null ? bin.label : `${num(low, 3)} to ${num(high, 3)}`;
}

export function fixed(value: Num, digits: number): string {
  const n = toNumber(value);
  return n === null ? '–' : n.toFixed(digits);
}

export function count(value: Num): string {
  const n = toNumber(value);
  return n === null ? '–' : integer.format(n);
}

export function percent(share: Num, digits = 1): string {
  const n = toNumber(share);
  if (n === null) return '–';
  const p = n * 100;
  if (p !== 0 && Math.abs(p) < 0.1) return `${p.toPrecision(1)} %`;
  return `${Number(p.toFixed(digits))} %`;
}

export function weight(percentValue: number): string {
  return `${Number(percentValue.toFixed(2))} %`;
}

export function bytes(value: Num): string {
  const n = toNumber(value);
  if (n === null) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = n;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${size < 10 && unit > 0 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

export function duration(ms: Num): string {
  const n = toNumber(ms);
  if (n === null) return '–';
  if (n < 1000) return `${Math.round(n)} ms`;
  const s = n / 1000;
  if (s < 60) return `${s < 10 ? s.toFixed(1) : Math.round(s)} s`;
  const m = Math.floor(s / 60);
  if (m < 60) return `${m} m ${Math.round(s % 60)} s`;
  const h = Math.floor(m / 60);
  if (h < 48) return `${h} h ${m % 60} m`;
  return `${Math.round(h / 24)} d`;
}

export function ago(ms: Num, now = Date.now()): string {
  const n = toNumber(ms);
  if (n === null) return '–';
  const s = (now - n) / 1000;
  if (s < -60) return date(n);
  if (s < 10) return 'just now';
  if (s < 60) return `${Math.round(s)} s ago`;
  if (s < 3600) return `${Math.round(s / 60)} min ago`;
  if (s < 86400) return `${Math.round(s / 3600)} h ago`;
  if (s < 30 * 86400) return `${Math.round(s / 86400)} d ago`;
  return date(n);
}

export function date(ms: Num): string {
  const n = toNumber(ms);
  if (n === null) return '–';
  return new Date(n).toLocaleDateString(undefined, { year: 'numeric', month: 'short', day: 'numeric' });
}

export function dateTime(ms: Num): string {
  const n = toNumber(ms);
  if (n === null) return '–';
  return new Date(n).toLocaleString(undefined, {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
}

export function clock(ms: Num): string {
  const n = toNumber(ms);
  if (n === null) return '–';
  return new Date(n).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
}

export function utc(ms: Num): string {
  const n = toNumber(ms);
  return n === null ? '' : new Date(n).toISOString().replace('.000Z', 'Z');
}

export function words(text: string): string {
  return text.replaceAll('_', ' ');
}

export function shortId(id: string): string {
  return /^[0-9a-f]{32}$/.test(id) ? id.slice(0, 8) : id;
}

/** Colour of a run or version, the same on every page: index into the eight series colours. */
export function seriesIndex(id: string): number {
  let hash = 2166136261;
  for (let i = 0; i < id.length; i += 1) hash = Math.imul(hash ^ id.charCodeAt(i), 16777619);
  return (hash >>> 0) % 8;
}
export function seriesColor(id: string): string {
  return `var(--series-${seriesIndex(id) + 1})`;
}
/** Versions are few and numbered: neighbours always differ. */
export function versionColor(version: string): string {
  const n = Number(version);
  return Number.isInteger(n) ? `var(--series-${((n - 1 + 800) % 8) + 1})` : seriesColor(version);
}

/** The lineage id of a data version: `md5:` and a content hash, or the name that a dataset has elsewhere. */
export function dataId(hash: string): string {
  return `data/${/^[0-9a-f]{32}(\.dir)?$/.test(hash) ? 'md5:' : ''}${hash}`;
}
export function lineageOf(id: string): string {
  return `/lineage?id=${encodeURIComponent(id)}`;
}

/** The page that shows an object named in the canonical grammar of ids (docs/rest.md 1.2), or null. */
export function pageOf(id: string): string | null {
  const version = id.match(/^models:\/([^/]+)\/(\d+)$/);
  if (version) return `/models/${encodeURIComponent(version[1] as string)}/versions/${version[2]}`;
  const [kind = '', ...rest] = id.split('/');
  const tail = rest.map(encodeURIComponent).join('/');
  switch (kind) {
    case 'run':
      return `/runs/${tail}`;
    case 'endpoint':
      return `/endpoints/${tail}`;
    case 'prediction':
    case 'label':
      return `/predictions/${encodeURIComponent(rest[0] ?? '')}${rest[1] ? `?row=${rest[1]}` : ''}`;
    case 'window':
      return `/monitoring/${encodeURIComponent(rest[0] ?? '')}${rest[1] ? `?window=${encodeURIComponent(rest[1])}` : ''}`;
    case 'pipeline-run':
      return `/pipelines/runs/${tail}`;
    case 'job':
      return `/jobs/${tail}`;
    case 'gate-report':
      return `/gates/${tail}`;
    case 'rollout':
      return `/rollouts/${tail}`;
    case 'alert':
      return `/alerts/${tail}`;
    case 'decision':
      return `/retraining/decisions/${tail}`;
    case 'retraining-run':
      return `/retraining/runs/${tail}`;
    default:
      return null;
  }
}
