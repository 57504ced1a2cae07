// The frame: rail, top bar, theme, shortcuts and the palette.
import { useEffect, useState, type ReactNode } from 'react';
import { fettle, useApi, watchConnection } from '../api';
import { Link, navigate, useLocation } from '../router';
import { applyTheme, read, savedTheme, write, type Theme } from '../theme';
import type { Alert, Page } from '../types';
import { Icon } from './icons';
import { Help, Palette } from './palette';

export const places: { key: string; to: string; icon: string; label: string; group: string }[] = [
  { key: 'h', to: '/', icon: 'home', label: 'Home', group: '' },
  { key: 'r', to: '/runs', icon: 'runs', label: 'Runs', group: 'Build' },
  { key: 'm', to: '/models', icon: 'models', label: 'Models', group: 'Build' },
  { key: 'v', to: '/gates', icon: 'gates', label: 'Gates', group: 'Build' },
  { key: 'e', to: '/endpoints', icon: 'endpoints', label: 'Endpoints', group: 'Run' },
  { key: 'o', to: '/rollouts', icon: 'rollouts', label: 'Rollouts', group: 'Run' },
  { key: 'w', to: '/monitoring', icon: 'monitoring', label: 'Monitoring', group: 'Run' },
  { key: 'a', to: '/alerts', icon: 'alerts', label: 'Alerts', group: 'Run' },
  { key: 't', to: '/retraining', icon: 'retraining', label: 'Retraining', group: 'Run' },
  { key: 'j', to: '/jobs', icon: 'jobs', label: 'Jobs', group: 'Platform' },
  { key: 's', to: '/resources', icon: 'resources', label: 'Resources', group: 'Platform' },
  { key: 'l', to: '/lineage', icon: 'lineage', label: 'Lineage', group: 'Platform' },
];

const names: Record<string, string> = {
  versions: 'versions',
  decisions: 'decisions',
  gates: 'Gates',
  pipelines: 'Pipelines',
  predictions: 'predictions',
};

export function Shell({ children }: { children: ReactNode }) {
  const [narrow, setNarrow] = useState(read('fettle.rail') === 'narrow');
  const [layer, setLayer] = useState<'' | 'help' | 'palette'>('');
  useShortcuts(setLayer);
  const fold = () => {
    write('fettle.rail', narrow ? 'wide' : 'narrow');
    setNarrow(!narrow);
  };
  return (
    <div className={`frame${narrow ? ' narrow' : ''}`}>
      <Rail narrow={narrow} fold={fold} />
      <div style={{ minWidth: 0 }}>
        <header className="top">
          <Crumbs />
          <button
            type="button"
            className="button quiet"
            onClick={() => setLayer('palette')}
            aria-label="search and go to, Ctrl K"
          >
            <Icon name="search" /> <span className="kbd">Ctrl K</span>
          </button>
          <LiveDot />
          <ThemeSwitch />
          <button
            type="button"
            className="button quiet"
            onClick={() => setLayer('help')}
            aria-label="? keyboard shortcuts"
          >
            <span className="kbd">?</span>
          </button>
        </header>
        <main id="main" tabIndex={-1}>
          {children}
        </main>
      </div>
      {layer === 'help' && <Help close={() => setLayer('')} />}
      {layer === 'palette' && <Palette close={() => setLayer('')} />}
    </div>
  );
}

function Rail({ narrow, fold }: { narrow: boolean; fold: () => void }) {
  const { path } = useLocation();
  const firing = useApi<Page<Alert>>(fettle('/alerts', { state: 'firing', limit: 1 }), 15000).data?.total ?? 0;
  const here = (to: string) => (to === '/' ? path === '/' : path === to || path.startsWith(`${to}/`));
  return (
    <div className="rail">
      <Link to="/" className="brand" aria-label="Fettle, home">
        <svg width="24" height="24" viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="6" fill="var(--accent)" />
          <path
            d="M10 25V9.5A2.5 2.5 0 0 1 12.5 7H23M10 16h10"
            fill="none"
            stroke="var(--on-accent)"
            strokeWidth="3.5"
            strokeLinecap="round"
          />
        </svg>
        <span className="label">Fettle</span>
      </Link>
      <nav aria-label="main">
        {places.map((p, i) => (
          <div key={p.to}>
            {p.group && places[i - 1]?.group !== p.group && (
              <>
                <div className="group">{p.group}</div>
                <hr />
              </>
            )}
            <Link
              to={p.to}
              className="entry"
              aria-current={here(p.to) ? 'page' : undefined}
              title={`${p.label} (g ${p.key})`}
            >
              <Icon name={p.icon} />
              <span className="label">{p.label}</span>
              {p.to === '/alerts' && firing > 0 && (
                <span className="badge" aria-label={`${firing} firing`}>
                  {firing}
                </span>
              )}
            </Link>
          </div>
        ))}
      </nav>
      <div className="foot">
        <button
          type="button"
          className="button quiet"
          onClick={fold}
          aria-label={narrow ? 'widen the navigation' : 'narrow the navigation'}
        >
          <Icon name={narrow ? 'unfold' : 'fold'} />
        </button>
      </div>
    </div>
  );
}

function Crumbs() {
  const { path } = useLocation();
  const parts = path.split('/').filter(Boolean);
  const first =
    places.find((p) => p.to === `/${parts[0] ?? ''}`)?.label ?? (parts[0] ? (names[parts[0]] ?? parts[0]) : 'Home');
  const rest = parts
    .slice(1)
    .map((part, i) => ({ text: decodeURIComponent(part), to: `/${parts.slice(0, i + 2).join('/')}` }));
  const linked = (to: string) => !/\/(versions|decisions|runs)$/.test(to);
  return (
    <nav className="crumbs" aria-label="breadcrumb">
      {rest.length > 0 && !['predictions', 'pipelines'].includes(parts[0] ?? '') ? (
        <Link to={`/${parts[0]}`}>{first}</Link>
      ) : (
        <span aria-current={rest.length ? undefined : 'page'}>{first}</span>
      )}
      {rest.map((r, i) => (
        <span key={r.to} className="row" style={{ minWidth: 0 }}>
          <span className="sep" aria-hidden="true">
            /
          </span>
          {i === rest.length - 1 ? (
            <span aria-current="page">{/^[0-9a-f]{32}$/.test(r.text) ? r.text.slice(0, 8) : r.text}</span>
          ) : linked(r.to) ? (
            <Link to={r.to}>{r.text}</Link>
          ) : (
            <span className="secondary">{r.text}</span>
          )}
        </span>
      ))}
    </nav>
  );
}

function LiveDot() {
  const [ok, setOk] = useState(true);
  useEffect(() => watchConnection(setOk), []);
  return (
    <span className={`live${ok ? '' : ' off'}`} role="status">
      <i />
      {ok ? 'live' : 'server does not answer'}
    </span>
  );
}

function ThemeSwitch() {
  const [theme, setTheme] = useState<Theme>(savedTheme());
  const next: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' };
  const change = () => {
    applyTheme(next[theme]);
    setTheme(next[theme]);
  };
  return (
    <button
      type="button"
      className="button quiet"
      onClick={change}
      aria-label={`theme: ${theme}; change to ${next[theme]}`}
      title={`theme: ${theme}`}
    >
      <Icon name={theme === 'system' ? 'auto' : theme === 'light' ? 'sun' : 'moon'} />
    </button>
  );
}

function typing(target: EventTarget | null) {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName))
  );
}

function useShortcuts(setLayer: (layer: '' | 'help' | 'palette') => void) {
  useEffect(() => {
    let going = 0;
    const press = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        setLayer('palette');
        return;
      }
      if (event.key === 'Escape') setLayer('');
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
      if (Date.now() - going < 1200) {
        going = 0;
        const place = places.find((p) => p.key === event.key);
        if (place) navigate(place.to);
        return;
      }
      if (event.key === 'g') going = Date.now();
      else if (event.key === '?') setLayer('help');
      else if (event.key === 'y') navigator.clipboard?.writeText(location.href).catch(() => undefined);
      else if (event.key === '/') {
        const filter = document.querySelector<HTMLInputElement>('[data-filter]');
        if (filter) {
          event.preventDefault();
          filter.focus();
        }
      }
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, [setLayer]);
}
