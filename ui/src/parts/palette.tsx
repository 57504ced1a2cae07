// The command palette (pages, endpoints, models, ids) and the list of shortcuts.
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { fettle, mlflow, useApi } from '../api';
import { pageOf } from '../format';
import { navigate, path } from '../router';
import type { Alert, Endpoint, Monitor, Page, RegisteredModel, Run } from '../types';
import { places } from './shell';

export function Layer({
  close,
  label,
  children,
  className = '',
}: {
  close: () => void;
  label: string;
  children: ReactNode;
  className?: string;
}) {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    const first = ref.current?.querySelector<HTMLElement>('input,textarea,button');
    (first ?? ref.current)?.focus();
    return () => before?.focus();
  }, []);
  return (
    <div className="veil" onPointerDown={(e) => e.target === e.currentTarget && close()}>
      <div
        className={`dialog ${className}`}
        role="dialog"
        aria-modal="true"
        aria-label={label}
        ref={ref}
        tabIndex={-1}
        onKeyDown={(e) => e.key === 'Escape' && close()}
      >
        {children}
      </div>
    </div>
  );
}

export function Help({ close }: { close: () => void }) {
  const rows: [string, string][] = [
    ['Ctrl K', 'search: pages, objects, ids'],
    ['/', 'filter this page'],
    ['y', 'copy the link to what is on screen'],
    ['Esc', 'close'],
    ...places.map((p): [string, string] => [`g ${p.key}`, p.label]),
  ];
  return (
    <Layer close={close} label="keyboard shortcuts">
      <div className="row spread">
        <h2>Keyboard</h2>
        <button type="button" className="button quiet" onClick={close}>
          close
        </button>
      </div>
      <div className="shortcuts">
        {rows.map(([keys, what]) => (
          <div key={keys} style={{ display: 'contents' }}>
            <span>
              {keys.split(' ').map((k) => (
                <span key={k} className="kbd" style={{ marginRight: 4 }}>
                  {k}
                </span>
              ))}
            </span>
            <span className="secondary">{what}</span>
          </div>
        ))}
      </div>
    </Layer>
  );
}

interface Hit {
  text: string;
  kind: string;
  to: string;
}

/** What a pasted id names: ids and URIs go straight to their page, anything else that looks like an id to its lineage. */
export function hitOfId(text: string): Hit | null {
  const id = text.trim();
  if (/^[0-9a-f]{32}$/.test(id)) return { text: id, kind: 'run', to: `/runs/${id}` };
  const prediction = id.match(/^(?:prediction\/)?([0-9A-HJKMNP-TV-Z]{26})(?:\/(\d+))?$/);
  if (prediction)
    return {
      text: id,
      kind: 'prediction',
      to: `/predictions/${prediction[1]}${prediction[2] ? `?row=${prediction[2]}` : ''}`,
    };
  const version = id.match(/^([\w.-]+)\/(\d+)$/);
  if (version)
    return { text: id, kind: 'model version', to: path`/models/${version[1] ?? ''}/versions/${version[2] ?? ''}` };
  const page = pageOf(id);
  if (page && id.includes('/')) return { text: id, kind: 'object', to: page };
  if (/^(models:\/|data\/|md5:)/.test(id) || /^[\w.-]+@[\w.-]+$/.test(id))
    return { text: id, kind: 'lineage', to: `/lineage?id=${encodeURIComponent(id)}` };
  return null;
}

export function Palette({ close }: { close: () => void }) {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const endpoints = useApi<Page<Endpoint>>(fettle('/endpoints'), 0).data?.items;
  const monitors = useApi<Page<Monitor>>(fettle('/monitors'), 0).data?.items;
  const alerts = useApi<Page<Alert>>(fettle('/alerts'), 0).data?.items;
  const models = useApi<{ registered_models?: RegisteredModel[] }>(
    mlflow('/registered-models/search', { max_results: 100 }),
    0,
  ).data?.registered_models;
  const runs = useApi<{ runs?: Run[] }>(
    { method: 'POST', url: mlflow('/runs/search'), body: { experiment_ids: ['0'], max_results: 50 } },
    0,
  ).data?.runs;
  const hits = useMemo(() => {
    const all: Hit[] = [
      ...places.map((p) => ({ text: p.label, kind: 'page', to: p.to })),
      ...(endpoints ?? []).map((e) => ({ text: e.name, kind: 'endpoint', to: path`/endpoints/${e.name}` })),
      ...(models ?? []).map((m) => ({ text: m.name, kind: 'model', to: path`/models/${m.name}` })),
      ...(monitors ?? []).map((m) => ({ text: m.name, kind: 'monitor', to: path`/monitoring/${m.name}` })),
      ...(alerts ?? []).map((a) => ({ text: a.name, kind: 'alert', to: path`/alerts/${a.name}` })),
      ...(runs ?? []).map((r) => ({
        text: r.info.run_name || r.info.run_id,
        kind: 'run',
        to: path`/runs/${r.info.run_id}`,
      })),
    ];
    const wanted = text.trim().toLowerCase();
    const direct = hitOfId(text);
    const matching = all.filter((h) => h.text.toLowerCase().includes(wanted));
    return (direct ? [direct, ...matching] : matching).slice(0, 14);
  }, [text, endpoints, models, monitors, alerts, runs]);
  const go = (hit: Hit | undefined) => {
    if (!hit) return;
    close();
    navigate(hit.to);
  };
  return (
    <Layer close={close} label="search" className="palette">
      <input
        value={text}
        placeholder="Go to a page, endpoint, model, run, or paste an id"
        aria-label="search"
        role="combobox"
        aria-expanded="true"
        aria-controls="hits"
        onChange={(e) => {
          setText(e.target.value);
          setAt(0);
        }}
        onKeyDown={(e) => {
          if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
            e.preventDefault();
            setAt((n) => (n + (e.key === 'ArrowDown' ? 1 : hits.length - 1)) % Math.max(1, hits.length));
          } else if (e.key === 'Enter') go(hits[at]);
        }}
      />
      <ul id="hits" role="listbox" style={{ padding: '6px 0' }}>
        {hits.map((hit, i) => (
          <li
            key={hit.kind + hit.to}
            role="option"
            aria-selected={i === at}
            onPointerMove={() => setAt(i)}
            onClick={() => go(hit)}
          >
            <span className="clip">{hit.text}</span>
            <span className="kind">{hit.kind}</span>
          </li>
        ))}
        {hits.length === 0 && <li className="muted">nothing matches “{text}”</li>}
      </ul>
    </Layer>
  );
}
