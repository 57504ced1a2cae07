// "Do the inputs, the scores and the quality still look like training?"
import { useMemo } from 'react';
import { fettle, useApi } from '../api';
import { binName, count, fixed, num, percent, probability, toNumber, words } from '../format';
import { Command, Empty, Facts, Figure, Id, Loads, PageHead, Panel, Status } from '../parts/basics';
import { Calibration, LineChart, PairedBars, type Series } from '../parts/charts';
import { Heatmap, label } from '../parts/heatmap';
import { Table } from '../parts/table';
import { Link, path, useQueryState } from '../router';
import type { Alert, Distribution, Monitor, Page, Window } from '../types';

export function MonitoringPage() {
  const monitors = useApi<Page<Monitor>>(fettle('/monitors'));
  return (
    <>
      <PageHead
        title="Monitoring"
        sub="What system metrics cannot see: whether the data and the answers still look like training."
      />
      <Loads of={monitors} lines={5}>
        {(data) =>
          data.items.length === 0 ? (
            <Empty
              title="No monitor yet"
              command={'kind: Monitor\nname: flights-monthly\nspec:\n  endpoint: flights\n  window: month'}
            >
              <p>
                Write this to a file and run <code>fettle apply -f FILE</code>.
              </p>
            </Empty>
          ) : (
            <Table
              label="monitors"
              rows={data.items}
              id={(m) => m.name}
              to={(m) => path`/monitoring/${m.name}`}
              columns={[
                {
                  key: 'name',
                  title: 'Monitor',
                  cell: (m) => <Link to={path`/monitoring/${m.name}`}>{m.name}</Link>,
                  by: (m) => m.name,
                },
                { key: 'state', title: 'State', cell: (m) => <Status state={m.state} chip />, by: (m) => m.state },
                {
                  key: 'endpoint',
                  title: 'Endpoint',
                  cell: (m) => <Link to={path`/endpoints/${m.endpoint}`}>{m.endpoint}</Link>,
                  by: (m) => m.endpoint,
                },
                { key: 'verdict', title: 'Verdict', cell: (m) => m.verdict },
                { key: 'window', title: 'Window', cell: (m) => m.window },
                {
                  key: 'windows',
                  title: 'Windows',
                  numeric: true,
                  cell: (m) => count(m.windows),
                  by: (m) => m.windows,
                },
                { key: 'last', title: 'Newest', cell: (m) => m.last_window ?? '–' },
              ]}
            />
          )
        }
      </Loads>
    </>
  );
}

export function MonitorPage({ name }: { name: string }) {
  const monitor = useApi<Monitor>(fettle(path`/monitors/${name}`));
  const windows = useApi<Page<Window>>(fettle(path`/monitors/${name}/windows`, { limit: 90 }));
  const alerts = useApi<Page<Alert>>(fettle('/alerts', { monitor: name }));
  return (
    <Loads of={monitor} lines={8}>
      {(m) => (
        <>
          <PageHead
            title={name}
            sub={
              <span className="row wrap">
                <Status state={m.state} chip />
                <span>{m.verdict}</span>
                <span className="muted">
                  windows of one {m.window}, by event time, on{' '}
                  <Link to={path`/endpoints/${m.endpoint}`}>{m.endpoint}</Link>
                </span>
              </span>
            }
            actions={<Command text={`fettle drift ${m.name}`} />}
          />
          {(alerts.data?.items.length ?? 0) > 0 && (
            <div className="row wrap" style={{ marginBottom: 16 }}>
              {alerts.data?.items.map((a) => (
                <Link key={a.name} to={path`/alerts/${a.name}`} className={`chip`} style={{ lineHeight: '24px' }}>
                  <Status state={a.state} text={a.name} /> <span className="secondary">{a.expr}</span>
                </Link>
              ))}
            </div>
          )}
          <Loads of={windows} lines={10}>
            {(data) =>
              data.items.length === 0 ? (
                <Empty title="No window yet">
                  <p>
                    A window closes when an event after its end was logged. Close what is complete now:{' '}
                    <code>{`fettle api POST /monitors/${name}/evaluate -d '{}'`}</code>
                  </p>
                </Empty>
              ) : (
                <Windows monitor={name} windows={data.items} />
              )
            }
          </Loads>
        </>
      )}
    </Loads>
  );
}

/** Features that drift most, and most often, first; the model's own outputs last. */
export function orderFeatures(windows: Window[]): string[] {
  const weights = new Map<string, number>();
  for (const w of windows) {
    for (const f of w.features) {
      const ratio = (toNumber(f.score) ?? 0) / (toNumber(f.threshold) || 1);
      weights.set(f.name, (weights.get(f.name) ?? 0) + (f.drifted ? 1000 : 0) * (f.importance ?? 1) + ratio);
    }
  }
  const own = (name: string) => (name.startsWith('fettle_') ? 1 : 0);
  return [...weights.keys()].sort((a, b) => own(a) - own(b) || (weights.get(b) ?? 0) - (weights.get(a) ?? 0));
}

/** Where the version that answers most rows changes. */
function versionMarks(windows: Window[]): Record<string, string> {
  const marks: Record<string, string> = {};
  let before = '';
  for (const w of windows) {
    const main = w.versions.toSorted((a, b) => b.rows - a.rows)[0]?.version ?? before;
    if (before && main !== before) marks[w.id] = `→ v${main}`;
    before = main;
  }
  return marks;
}

function Windows({ monitor, windows }: { monitor: string; windows: Window[] }) {
  const last = windows.findLast((w) => w.state !== 'open') ?? windows[windows.length - 1];
  const labelled = windows.findLast((w) => toNumber(w.metrics.log_loss) !== null);
  const features = useMemo(() => orderFeatures(windows), [windows]);
  const [windowId, setWindow] = useQueryState('window');
  const [feature, setFeature] = useQueryState('feature');
  const marks = useMemo(() => versionMarks(windows), [windows]);
  const shownWindow = windows.find((w) => w.id === windowId) ?? last;
  const shownFeature = features.includes(feature) ? feature : '';
  const choose = (w: string, f: string) => {
    setWindow(w);
    setFeature(f);
  };
  if (!last || !shownWindow) return null;
  return (
    <>
      <div className="figures">
        <Figure value={last.id} what="newest closed window" />
        <Figure value={count(last.metrics.rows)} what="predictions" />
        <Figure
          value={percent(last.metrics.drift_share, 0)}
          what="of features drifted"
          tone={last.status === 'drifted' ? 'warning' : undefined}
        />
        <Figure value={percent(last.metrics.label_coverage, 0)} what="have a label" />
        {labelled && (
          <>
            <Figure value={fixed(labelled.metrics.auc, 3)} what={`AUC in ${labelled.id} ${range(labelled, 'auc')}`} />
            <Figure value={fixed(labelled.metrics.log_loss, 3)} what={`log loss in ${labelled.id}`} />
            <Figure value={fixed(labelled.metrics.calibration_error, 3)} what={`calibration error in ${labelled.id}`} />
          </>
        )}
      </div>
      <div className="drift">
        <div className="map">
          <Panel
            title="Drift: feature × window"
            aside={
              <>
                colour where it drifted <span className="ramp" role="img" aria-label="colour ramp" /> 1× to 8× the
                threshold · ▨ not computable
              </>
            }
          >
            <Heatmap
              windows={windows}
              features={features}
              marks={marks}
              chosen={shownFeature ? { window: shownWindow.id, feature: shownFeature } : null}
              onChoose={choose}
            />
            {!shownFeature && (
              <p className="table-foot">
                Scores against the training data. Choose a cell to see the distributions behind it.
              </p>
            )}
          </Panel>
        </div>
        {shownFeature && (
          <div className="detail">
            <FeaturePanel
              monitor={monitor}
              window={shownWindow.id}
              feature={shownFeature}
              windows={windows}
              pick={(i) => choose(windows[i]?.id ?? shownWindow.id, shownFeature)}
            />
          </div>
        )}
      </div>
      <Quality windows={windows} marks={marks} pick={(i) => setWindow(windows[i]?.id ?? '')} shown={shownWindow} />
    </>
  );
}

function range(w: Window, key: string) {
  const interval = w.intervals?.[key];
  return interval ? `[${fixed(interval[0], 3)}, ${fixed(interval[1], 3)}]` : '';
}

function FeaturePanel({
  monitor,
  window: id,
  feature,
  windows,
  pick,
}: {
  monitor: string;
  window: string;
  feature: string;
  windows: Window[];
  pick: (i: number) => void;
}) {
  const loaded = useApi<Distribution>(fettle(path`/monitors/${monitor}/windows/${id}/features/${feature}`), 0);
  const scores = windows.map((w) => toNumber(w.features.find((f) => f.name === feature)?.score));
  const index = windows.findIndex((w) => w.id === id);
  return (
    <Panel
      id="feature"
      title={
        <>
          {label(feature)} in {id}
        </>
      }
      aside={<Link to={`/lineage?id=${encodeURIComponent(`window/${monitor}/${id}`)}`}>lineage of this window</Link>}
    >
      <Loads of={loaded} lines={6}>
        {(d) => (
          <>
            <div className={`note ${d.drifted ? 'warning' : ''}`} style={{ marginBottom: 12 }}>
              <b>{d.drifted ? 'Drifted' : d.status === 'ok' ? 'No drift' : words(d.status)}</b>{' '}
              <span>{sentence(d)}</span>
            </div>
            <h3 style={{ marginBottom: 6 }}>
              Share of rows: {count(d.reference_rows)} in training, {count(d.rows)} in {id}
            </h3>
            <PairedBars
              bins={d.bins}
              label={`distribution of ${label(feature)}: training against ${id}`}
              current={id}
              height={230}
            />
            <h3 style={{ margin: '16px 0 6px' }}>{words(d.test)} over the windows</h3>
            <LineChart
              label={`${d.test} of ${feature} over windows`}
              height={120}
              fromZero
              x={windows.map((w) => w.id)}
              series={[{ id: feature, name: d.test, color: 'var(--series-1)', values: scores }]}
              limit={
                toNumber(d.threshold) === null ? undefined : { value: toNumber(d.threshold) ?? 0, label: 'threshold' }
              }
              current={index}
              onPick={pick}
            />
            <div
              className="columns"
              style={{ marginTop: 16, gridTemplateColumns: 'repeat(auto-fit, minmax(min(100%, 230px), 1fr))' }}
            >
              <Facts
                of={[
                  ['test', words(d.test)],
                  ['score', num(d.score)],
                  ['threshold', num(d.threshold)],
                  ['expected without drift', d.expected_null === undefined ? undefined : num(d.expected_null, 3)],
                  ['p', d.p_value === undefined ? undefined : probability(d.p_value)],
                  ['q (all features)', d.q_value === undefined ? undefined : probability(d.q_value)],
                  ['missing', `${percent(d.reference_missing_rate)} → ${percent(d.missing_rate)}`],
                  ['unseen categories', d.kind === 'categorical' ? percent(d.unseen_rate) : undefined],
                  [
                    'outside training range',
                    d.kind === 'numeric' && d.out_of_range_rate !== undefined
                      ? percent(d.out_of_range_rate)
                      : undefined,
                  ],
                ]}
              />
              <Statistics d={d} />
            </div>
          </>
        )}
      </Loads>
    </Panel>
  );
}

function sentence(d: Distribution) {
  const most = d.bins.toSorted((a, b) => Math.abs(b.current - b.reference) - Math.abs(a.current - a.reference))[0];
  if (d.status !== 'ok' || !most)
    return d.reason || 'The score could not be computed; the other features are not affected.';
  const moved = `${binName(most)}: ${percent(most.reference)} → ${percent(most.current)} of rows`;
  const before = d.statistics?.reference?.p50;
  const after = d.statistics?.current?.p50;
  return d.kind === 'numeric' && toNumber(before) !== null && toNumber(after) !== null
    ? `Median ${num(before)} → ${num(after)}. Largest change in ${moved}.`
    : `Largest change in ${moved}.`;
}

function Statistics({ d }: { d: Distribution }) {
  const current = d.statistics?.current;
  const reference = d.statistics?.reference;
  if (!current || !reference) return null;
  const keys = ['min', 'p5', 'p50', 'p95', 'max', 'mean', 'sd', 'distinct'].filter(
    (k) => toNumber(current[k]) !== null || toNumber(reference[k]) !== null,
  );
  if (keys.length === 0) return null;
  return (
    <table className="table" aria-label="statistics">
      <thead>
        <tr>
          <th />
          <th className="num">training</th>
          <th className="num">{d.window}</th>
        </tr>
      </thead>
      <tbody>
        {keys.map((k) => (
          <tr key={k}>
            <td>{k}</td>
            <td className="num">{num(reference[k])}</td>
            <td className="num">{num(current[k])}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Quality({
  windows,
  marks,
  pick,
  shown,
}: {
  windows: Window[];
  marks: Record<string, string>;
  pick: (i: number) => void;
  shown: Window;
}) {
  const x = windows.map((w) => w.id);
  const index = windows.findIndex((w) => w.id === shown.id);
  const series = (key: string, name: string, color: string): Series => ({
    id: key,
    name,
    color,
    values: windows.map((w) => toNumber(w.metrics[key])),
    band: windows.map((w) => {
      const i = w.intervals?.[key];
      const low = toNumber(i?.[0]);
      const high = toNumber(i?.[1]);
      return low === null || high === null ? null : [low, high];
    }),
  });
  const deploys = windows.flatMap((w, i) => (marks[w.id] ? [{ index: i, label: marks[w.id] ?? '' }] : []));
  const some = (key: string) => windows.some((w) => toNumber(w.metrics[key]) !== null);
  return (
    <>
      <Panel title="Quality on labelled predictions" aside={<>lines at → mark a change of the serving version</>}>
        {some('auc') || some('accuracy') || some('log_loss') ? (
          <div className="columns">
            {some('auc') && (
              <div>
                <h3>AUC</h3>
                <LineChart
                  label="AUC over windows"
                  x={x}
                  series={[series('auc', 'AUC', 'var(--series-1)')]}
                  marks={deploys}
                  current={index}
                  onPick={pick}
                  height={170}
                  format={(v) => fixed(v, 2)}
                />
              </div>
            )}
            {some('log_loss') && (
              <div>
                <h3>Log loss</h3>
                <LineChart
                  label="log loss over windows"
                  x={x}
                  series={[series('log_loss', 'log loss', 'var(--series-2)')]}
                  marks={deploys}
                  current={index}
                  onPick={pick}
                  height={170}
                  format={(v) => fixed(v, 2)}
                />
              </div>
            )}
            {some('score_mean') && (
              <div>
                <h3>Predicted and real rate</h3>
                <LineChart
                  label="mean predicted probability and real rate over windows"
                  fromZero
                  x={x}
                  series={[
                    series('score_mean', 'mean predicted probability', 'var(--series-1)'),
                    series('label_rate', 'real rate', 'var(--series-4)'),
                  ]}
                  marks={deploys}
                  current={index}
                  onPick={pick}
                  height={150}
                  format={(v) => fixed(v, 2)}
                />
              </div>
            )}
            {some('label_coverage') && (
              <div>
                <h3>Labelled share of rows</h3>
                <LineChart
                  label="label coverage over windows"
                  fromZero
                  x={x}
                  series={[series('label_coverage', 'labelled', 'var(--series-3)')]}
                  current={index}
                  onPick={pick}
                  height={170}
                  format={(v) => percent(v, 0)}
                />
              </div>
            )}
          </div>
        ) : (
          <p className="muted">no label has arrived yet: post them to /api/fettle/v1/labels</p>
        )}
      </Panel>
      <div className="columns">
        <Panel
          title={`Calibration in ${shown.id}`}
          aside={
            toNumber(shown.calibration_noise) === null
              ? undefined
              : `error ${num(shown.metrics.calibration_error, 3)}; a perfect model would show ${num(shown.calibration_noise, 2)}`
          }
        >
          {(shown.calibration ?? []).length ? (
            <Calibration points={shown.calibration ?? []} label={`calibration in ${shown.id}`} />
          ) : (
            <p className="muted">needs labels in this window</p>
          )}
        </Panel>
        <Panel title={`Window ${shown.id}`} aside={<Status state={shown.status} />}>
          <Facts
            of={[
              ['state', `${shown.state}, revision ${shown.revision}`],
              ['predictions by', shown.versions.map((v) => `v${v.version}: ${count(v.rows)}`).join(' · ')],
              [
                'compared with',
                shown.reference ? (
                  <span key="r">
                    training data of v{shown.reference.version}, {count(shown.reference.rows)} rows{' '}
                    {shown.reference.run_id && (
                      <Id id={shown.reference.run_id} to={path`/runs/${shown.reference.run_id}`} />
                    )}
                  </span>
                ) : (
                  'no reference'
                ),
              ],
              ...Object.entries(shown.metrics).map(([k, v]): [string, string] => [
                words(k),
                /_rate$|_share$|coverage|completeness|accuracy/.test(k) ? percent(v, 2) : num(v),
              ]),
            ]}
          />
        </Panel>
      </div>
    </>
  );
}
