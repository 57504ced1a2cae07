// "What fires, who knows, is the rule any good?"
import { useState } from 'react';
import { fettle, useApi } from '../api';
import { dateTime, num, toNumber, words } from '../format';
import { Act } from '../parts/act';
import { Command, Empty, Facts, Loads, PageHead, Panel, Status, Time, glyphOf, toneOf } from '../parts/basics';
import { LineChart } from '../parts/charts';
import { Table } from '../parts/table';
import { Link, path } from '../router';
import type { Alert, Page, Window } from '../types';

const rank: Record<string, number> = { firing: 0, error: 1, pending: 2, resolved: 3, inactive: 4 };

export function AlertsPage() {
  const alerts = useApi<Page<Alert>>(fettle('/alerts'));
  return (
    <>
      <PageHead title="Alerts" sub="Rules on a monitor's windows, judged once per window: pending, firing, resolved." />
      <Loads of={alerts} lines={5}>
        {(data) =>
          data.items.length === 0 ? (
            <Empty
              title="No alert yet"
              command={'kind: Alert\nname: flights-quality\nspec:\n  monitor: flights-monthly\n  expr: auc < 0.66'}
            >
              <p>
                Write this to a file and run <code>fettle apply -f FILE</code>.
              </p>
            </Empty>
          ) : (
            <Table
              label="alerts"
              rows={data.items.toSorted((a, b) => (rank[a.state] ?? 9) - (rank[b.state] ?? 9))}
              id={(a) => a.name}
              to={(a) => path`/alerts/${a.name}`}
              columns={[
                {
                  key: 'state',
                  title: 'State',
                  cell: (a) => <Status state={a.state} chip />,
                  by: (a) => rank[a.state],
                },
                {
                  key: 'name',
                  title: 'Alert',
                  cell: (a) => <Link to={path`/alerts/${a.name}`}>{a.name}</Link>,
                  by: (a) => a.name,
                },
                { key: 'severity', title: 'Severity', cell: (a) => a.severity, by: (a) => a.severity },
                { key: 'expr', title: 'Rule', cell: (a) => <code>{a.expr}</code> },
                { key: 'value', title: 'Value', numeric: true, cell: (a) => num(a.value), by: (a) => a.value },
                { key: 'window', title: 'Window', cell: (a) => a.window ?? '–', by: (a) => a.window },
                {
                  key: 'monitor',
                  title: 'Monitor',
                  cell: (a) => <Link to={path`/monitoring/${a.monitor}`}>{a.monitor}</Link>,
                  by: (a) => a.monitor,
                },
                { key: 'since', title: 'Since', cell: (a) => <Time ms={a.since_ms} />, by: (a) => a.since_ms },
                {
                  key: 'who',
                  title: 'Known to',
                  cell: (a) =>
                    a.acknowledged?.by ?? (a.silenced_until_ms && a.silenced_until_ms > Date.now() ? 'silenced' : '–'),
                },
              ]}
            />
          )
        }
      </Loads>
    </>
  );
}

export function AlertPage({ name }: { name: string }) {
  const alert = useApi<Alert>(fettle(path`/alerts/${name}`));
  return (
    <Loads of={alert} lines={8}>
      {(a) => <View a={a} reload={alert.reload} />}
    </Loads>
  );
}

const kHours: [string, number][] = [
  ['1 hour', 1],
  ['8 hours', 8],
  ['1 day', 24],
  ['7 days', 168],
];

function View({ a, reload }: { a: Alert; reload: () => void }) {
  const [hours, setHours] = useState(8);
  const silenced = a.silenced_until_ms && a.silenced_until_ms > Date.now();
  const until = Date.now() + hours * 3600000;
  return (
    <>
      <PageHead
        title={a.name}
        sub={
          <span className="row wrap">
            <Status state={a.state} chip />
            <code>{a.expr}</code>
            <span>
              on <Link to={path`/monitoring/${a.monitor}`}>{a.monitor}</Link>
            </span>
            <span>{a.severity}</span>
          </span>
        }
        actions={<Command text={`fettle alerts show ${a.name}`} />}
      />
      <div
        className={`note ${a.state === 'firing' || a.state === 'error' ? 'danger' : a.state === 'pending' ? 'warning' : ''}`}
      >
        {a.reason || words(a.state)}
      </div>
      <div className="row wrap" style={{ margin: '16px 0' }}>
        <Act
          label="Acknowledge"
          effect="Others see that you know; the alert keeps its state."
          url={fettle(path`/alerts/${a.name}/ack`)}
          disabled={
            a.state !== 'firing' ? 'nothing fires' : a.acknowledged ? `already by ${a.acknowledged.by}` : undefined
          }
          done={reload}
        />
        <select
          className="input"
          value={hours}
          onChange={(e) => setHours(Number(e.target.value))}
          aria-label="silence for"
        >
          {kHours.map(([text, h]) => (
            <option key={h} value={h}>
              {text}
            </option>
          ))}
        </select>
        <Act
          label="Silence"
          effect={`No notification until ${dateTime(until)}. The state goes on changing.`}
          url={fettle(path`/alerts/${a.name}/silence`)}
          body={{ until_ms: until }}
          done={reload}
        />
        {silenced ? (
          <Act
            label="End the silence"
            effect="Notifications go out again."
            url={fettle(path`/alerts/${a.name}/silence`)}
            body={{ until_ms: 0 }}
            done={reload}
          />
        ) : null}
      </div>
      <div className="columns">
        <Panel title="Value over the windows">
          <AlertChart a={a} />
        </Panel>
        <Panel title="Now">
          <Facts
            of={[
              ['value', num(a.value)],
              ['limit', num(a.threshold)],
              [
                'window',
                a.window ? (
                  <Link key="w" to={`${path`/monitoring/${a.monitor}`}?window=${encodeURIComponent(a.window)}`}>
                    {a.window}
                  </Link>
                ) : (
                  '–'
                ),
              ],
              ['since', <Time key="s" ms={a.since_ms} />],
              ['held for', a.for_windows ? `${a.held_windows ?? 0} windows, ${a.for_windows} needed` : undefined],
              ['acknowledged', a.acknowledged ? `${a.acknowledged.by}: ${a.acknowledged.reason}` : 'no'],
              ['silenced until', silenced ? dateTime(a.silenced_until_ms) : undefined],
              [
                'lineage',
                <Link key="l" to={`/lineage?id=${encodeURIComponent(`alert/${a.name}`)}`}>
                  what it caused
                </Link>,
              ],
            ]}
          />
        </Panel>
      </div>
      <Panel title="Transitions">
        <Transitions a={a} />
      </Panel>
    </>
  );
}

function Transitions({ a }: { a: Alert }) {
  if (!a.transitions?.length) return <p className="muted">it has never changed its state</p>;
  return (
    <ol className="timeline">
      {a.transitions.map((t) => (
        <li key={`${t.at_ms}${t.to}${t.window}`}>
          <span className={`glyph tone-${toneOf(t.to)}`} aria-hidden="true">
            {glyphOf(t.to)}
          </span>
          <div className="row spread wrap">
            <span>
              <b>{t.to}</b> in {t.window ?? '–'}
              {toNumber(t.value) !== null && <> with {num(t.value)}</>}
            </span>
            <span className="when">
              <Time ms={t.at_ms} />
            </span>
          </div>
          <div className="secondary">{t.reason}</div>
          <div className="row muted">
            {t.notification && t.notification !== 'none' ? `notification ${t.notification}` : ''}
            {t.decision && <Link to={path`/retraining/decisions/${t.decision}`}>decision</Link>}
          </div>
        </li>
      ))}
    </ol>
  );
}

function AlertChart({ a }: { a: Alert }) {
  const windows = useApi<Page<Window>>(fettle(path`/monitors/${a.monitor}/windows`, { limit: 90 }), 0);
  const metric = a.expr.match(/^\s*([a-z_0-9]+)/)?.[1] ?? '';
  const feature = a.expr.match(/feature\s*=\s*"([^"]+)"/)?.[1];
  return (
    <Loads of={windows}>
      {(data) => {
        const values = data.items.map((w) =>
          toNumber(feature ? w.features.find((f) => f.name === feature)?.score : w.metrics[metric]),
        );
        if (!values.some((v) => v !== null)) return <p className="muted">no window has a value yet</p>;
        return (
          <LineChart
            label={`${a.expr} over windows`}
            x={data.items.map((w) => w.id)}
            series={[
              { id: metric, name: feature ? `${metric} of ${feature}` : metric, color: 'var(--series-1)', values },
            ]}
            limit={{ value: a.threshold, label: a.expr.replace(/^[^<>]*/, '') }}
            height={190}
          />
        );
      }}
    </Loads>
  );
}
