// "Is anything wrong, and what waits for me?"
import type { ReactNode } from 'react';
import { fettle, mlflow, useApi } from '../api';
import { bytes, count, duration, fixed, num, percent, weight } from '../format';
import { Empty, Figure, Loads, PageHead, Panel, Status, Time } from '../parts/basics';
import { SplitBar } from '../parts/split';
import { Table } from '../parts/table';
import { Link, path } from '../router';
import type {
  Alert,
  Decision,
  Endpoint,
  Job,
  Metrics,
  Monitor,
  Page,
  RegisteredModel,
  RetrainingPolicy,
  RetrainingRun,
  Rollout,
} from '../types';

interface Wait {
  key: string;
  state: string;
  text: ReactNode;
  to: string;
  at: number | null;
}

export function HomePage() {
  const endpoints = useApi<Page<Endpoint>>(fettle('/endpoints'));
  const alerts = useApi<Page<Alert>>(fettle('/alerts'));
  const rollouts = useApi<Page<Rollout>>(fettle('/rollouts', { limit: 20 }));
  const policies = useApi<Page<RetrainingPolicy>>(fettle('/retraining/policies'));
  const monitors = useApi<Page<Monitor>>(fettle('/monitors'));
  const jobs = useApi<Page<Job>>(fettle('/jobs', { limit: 20 }));
  const runs = useApi<Page<RetrainingRun>>(fettle('/retraining/runs', { limit: 10 }));
  const waits = attention(
    alerts.data?.items ?? [],
    rollouts.data?.items ?? [],
    policies.data?.items ?? [],
    monitors.data?.items ?? [],
    endpoints.data?.items ?? [],
  );
  const settled = alerts.data && rollouts.data && endpoints.data;
  const moving = motion(rollouts.data?.items ?? [], jobs.data?.items ?? [], runs.data?.items ?? []);
  return (
    <>
      <PageHead title="Home" />
      <Attention waits={waits} settled={!!settled} />
      <SystemFigures endpoints={endpoints.data?.items} />
      <Panel title="Endpoints" aside={<Link to="/endpoints">all endpoints</Link>}>
        <Loads of={endpoints}>
          {(data) =>
            data.items.length ? (
              <EndpointRows endpoints={data.items} monitors={monitors.data?.items ?? []} />
            ) : (
              <FirstSteps />
            )
          }
        </Loads>
      </Panel>
      <div className="columns">
        <Panel title="In motion">
          {moving.length === 0 ? (
            <p className="muted">no rollout, retraining or job is running</p>
          ) : (
            <ul className="stack">
              {moving.map((w) => (
                <WaitRow key={w.key} wait={w} />
              ))}
            </ul>
          )}
        </Panel>
        <Panel title="Recent decisions" aside={<Link to="/retraining?tab=decisions">all decisions</Link>}>
          <RecentDecisions />
        </Panel>
      </div>
      <Panel title="Models" aside={<Link to="/models">all models</Link>}>
        <ModelRows />
      </Panel>
    </>
  );
}

function attention(
  alerts: Alert[],
  rollouts: Rollout[],
  policies: RetrainingPolicy[],
  monitors: Monitor[],
  endpoints: Endpoint[],
): Wait[] {
  const waits: Wait[] = [];
  for (const a of alerts)
    if (a.state === 'firing' || a.state === 'error')
      waits.push({
        key: `a${a.name}`,
        state: a.state,
        to: path`/alerts/${a.name}`,
        at: a.since_ms,
        text: (
          <>
            <b>{a.name}</b> {a.expr}
            {a.value !== null && (
              <span className="secondary">
                {' '}
                · {num(a.value)} in {a.window}
              </span>
            )}
            {a.acknowledged && <span className="muted"> · acknowledged by {a.acknowledged.by}</span>}
          </>
        ),
      });
  for (const r of rollouts)
    if (r.state === 'paused')
      waits.push({
        key: `r${r.id}`,
        state: r.state,
        to: path`/rollouts/${r.id}`,
        at: r.started_at_ms,
        text: (
          <>
            <b>
              rollout of {r.model ?? r.endpoint} v{r.candidate}
            </b>{' '}
            waits at {weight(r.weight_percent)}: {r.reason}
          </>
        ),
      });
  for (const p of policies)
    if (p.circuit === 'open')
      waits.push({
        key: `p${p.name}`,
        state: 'failed',
        to: '/retraining',
        at: p.last_decision?.at_ms ?? null,
        text: (
          <>
            <b>retraining {p.name}</b> has stopped itself after {p.rejections} rejected candidates
          </>
        ),
      });
  for (const m of monitors)
    if (m.state === 'degraded' && !alerts.some((a) => a.monitor === m.name && a.state === 'firing'))
      waits.push({
        key: `m${m.name}`,
        state: m.state,
        to: path`/monitoring/${m.name}`,
        at: null,
        text: (
          <>
            <b>{m.name}</b> {m.verdict}
          </>
        ),
      });
  for (const e of endpoints)
    if (e.state === 'failed')
      waits.push({
        key: `e${e.name}`,
        state: e.state,
        to: path`/endpoints/${e.name}`,
        at: null,
        text: (
          <>
            <b>endpoint {e.name}</b> {e.reason}
          </>
        ),
      });
  return waits.slice(0, 10);
}

function motion(rollouts: Rollout[], jobs: Job[], runs: RetrainingRun[]): Wait[] {
  const moving: Wait[] = [];
  for (const r of rollouts)
    if (['pending', 'loading', 'progressing', 'promoting'].includes(r.state))
      moving.push({
        key: r.id,
        state: r.state,
        to: path`/rollouts/${r.id}`,
        at: r.started_at_ms,
        text: (
          <>
            rollout of {r.model ?? r.endpoint} v{r.candidate} at {weight(r.weight_percent)}
          </>
        ),
      });
  for (const r of runs)
    if (['versioning', 'training', 'gating', 'rolling_out'].includes(r.state))
      moving.push({
        key: r.id,
        state: r.state,
        to: path`/retraining/runs/${r.id}`,
        at: r.started_at_ms,
        text: <>retraining {r.policy}</>,
      });
  for (const j of jobs)
    if (['queued', 'running'].includes(j.state))
      moving.push({
        key: j.id,
        state: j.state,
        to: path`/jobs/${j.id}`,
        at: j.started_at_ms ?? j.created_at_ms,
        text: <>job {j.name}</>,
      });
  return moving;
}

function WaitRow({ wait }: { wait: Wait }) {
  return (
    <li className="row" style={{ alignItems: 'baseline' }}>
      <Status state={wait.state} chip />
      <Link to={wait.to} className="grow" style={{ color: 'inherit' }}>
        {wait.text}
      </Link>
      <span className="muted">
        <Time ms={wait.at} />
      </span>
    </li>
  );
}

function Attention({ waits, settled }: { waits: Wait[]; settled: boolean }) {
  if (waits.length === 0) {
    return settled ? (
      <div className="note ok" style={{ marginBottom: 20 }}>
        ✓ Nothing needs attention: no alert fires, no rollout waits for a person.
      </div>
    ) : null;
  }
  return (
    <Panel title={`Needs attention (${waits.length})`}>
      <ul className="stack">
        {waits.map((w) => (
          <WaitRow key={w.key} wait={w} />
        ))}
      </ul>
    </Panel>
  );
}

function SystemFigures({ endpoints }: { endpoints?: Endpoint[] }) {
  const metrics = useApi<Metrics>(fettle('/metrics'));
  const system = metrics.data?.system;
  if (!system) return null;
  const rows = endpoints?.reduce((sum, e) => sum + (e.rows ?? 0), 0);
  return (
    <div className="figures">
      {rows !== undefined && <Figure value={count(rows)} what="predictions served" />}
      <Figure value={count(system.requests)} what="requests" />
      <Figure value={`${num(system.latency_ms?.p99, 3)} ms`} what="p99 of all requests" />
      <Figure value={percent(Number(system.cpu_percent) / 100, 0)} what="CPU" />
      <Figure value={bytes(system.memory_bytes)} what="memory" />
      <Figure value={bytes(system.disk_free_bytes)} what="disk free" />
      <Figure value={duration(system.uptime_ms)} what="up" />
    </div>
  );
}

function EndpointRows({ endpoints, monitors }: { endpoints: Endpoint[]; monitors: Monitor[] }) {
  return (
    <Table
      label="endpoints"
      rows={endpoints}
      id={(e) => e.name}
      to={(e) => path`/endpoints/${e.name}`}
      columns={[
        {
          key: 'name',
          title: 'Endpoint',
          cell: (e) => <Link to={path`/endpoints/${e.name}`}>{e.name}</Link>,
          by: (e) => e.name,
        },
        { key: 'state', title: 'State', cell: (e) => <Status state={e.state} /> },
        { key: 'traffic', title: 'Traffic', cell: (e) => <SplitBar arms={e.traffic} /> },
        { key: 'rows', title: 'Predictions', numeric: true, cell: (e) => count(e.rows), by: (e) => e.rows },
        {
          key: 'rps',
          title: 'Req/s',
          numeric: true,
          cell: (e) => fixed(e.requests_per_s, 1),
          by: (e) => e.requests_per_s,
        },
        {
          key: 'errors',
          title: 'Errors',
          numeric: true,
          cell: (e) => percent(e.requests ? e.errors / e.requests : 0),
          by: (e) => e.errors,
        },
        {
          key: 'watch',
          title: 'Monitoring',
          cell: (e) => {
            const m = monitors.find((x) => x.endpoint === e.name);
            return m ? (
              <Link to={path`/monitoring/${m.name}`}>
                <Status state={m.state} />
              </Link>
            ) : (
              <span className="muted">not monitored</span>
            );
          },
        },
      ]}
    />
  );
}

function FirstSteps() {
  return (
    <Empty
      title="No endpoint yet"
      command={`import mlflow\nmlflow.set_tracking_uri("${location.origin}")\nwith mlflow.start_run():\n    mlflow.log_param("depth", 6)\n    mlflow.log_metric("auc", 0.72)`}
    >
      <p>
        Log a run from any training script, register a model, then declare an Endpoint in YAML and run{' '}
        <code>fettle apply -f platform/</code>. To see the whole loop on real flights: <code>make demo</code>.
      </p>
    </Empty>
  );
}

function RecentDecisions() {
  const decisions = useApi<Page<Decision>>(fettle('/decisions', { limit: 8 }));
  return (
    <Loads of={decisions}>
      {(data) =>
        data.items.length === 0 ? (
          <p className="muted">nothing was decided automatically yet</p>
        ) : (
          <ul className="stack">
            {data.items.map((d) => (
              <li key={d.id} className="row" style={{ alignItems: 'baseline' }}>
                <Status state={d.verdict} />
                <Link
                  to={path`/retraining/decisions/${d.id}`}
                  className="grow clip"
                  style={{ color: 'inherit' }}
                  title={d.reason}
                >
                  <b>{d.subject}</b> <span className="secondary">{d.reason}</span>
                </Link>
                <span className="muted">
                  <Time ms={d.at_ms} />
                </span>
              </li>
            ))}
          </ul>
        )
      }
    </Loads>
  );
}

function ModelRows() {
  const models = useApi<{ registered_models?: RegisteredModel[] }>(
    mlflow('/registered-models/search', { max_results: 10 }),
    15000,
  );
  return (
    <Loads of={models}>
      {(data) =>
        (data.registered_models ?? []).length === 0 ? (
          <p className="muted">no registered model yet</p>
        ) : (
          <Table
            label="models"
            rows={data.registered_models ?? []}
            id={(m) => m.name}
            to={(m) => path`/models/${m.name}`}
            columns={[
              {
                key: 'name',
                title: 'Model',
                cell: (m) => <Link to={path`/models/${m.name}`}>{m.name}</Link>,
                by: (m) => m.name,
              },
              {
                key: 'latest',
                title: 'Newest version',
                cell: (m) => m.latest_versions?.map((v) => v.version).sort((a, b) => Number(b) - Number(a))[0] ?? '–',
              },
              {
                key: 'aliases',
                title: 'Aliases',
                cell: (m) => (
                  <span className="row wrap">
                    {(m.aliases ?? []).map((a) => (
                      <span key={a.alias} className="chip accent">
                        @{a.alias} → {a.version}
                      </span>
                    ))}
                  </span>
                ),
              },
              {
                key: 'changed',
                title: 'Changed',
                cell: (m) => <Time ms={m.last_updated_timestamp} />,
                by: (m) => m.last_updated_timestamp,
              },
            ]}
          />
        )
      }
    </Loads>
  );
}
