// "What is approved, what is live, and since when?"
import { fettle, mlflow, useApi } from '../api';
import { num } from '../format';
import { Command, Empty, Facts, Id, Loads, PageHead, Panel, Status, Tabs, Time } from '../parts/basics';
import { LineChart } from '../parts/charts';
import { LineageView } from '../parts/lineage';
import { Table } from '../parts/table';
import { Link, path, useQueryState } from '../router';
import { toNumber, weight } from '../format';
import type { Endpoint, GateReport, ModelVersion, Page, RegisteredModel, Run } from '../types';

export function ModelsPage() {
  const models = useApi<{ registered_models?: RegisteredModel[] }>(
    mlflow('/registered-models/search', { max_results: 200 }),
  );
  const endpoints = useApi<Page<Endpoint>>(fettle('/endpoints'));
  return (
    <>
      <PageHead
        title="Models"
        sub="The artifact repository of models: immutable versions, named by aliases that move."
      />
      <Loads of={models} lines={6}>
        {(data) =>
          (data.registered_models ?? []).length === 0 ? (
            <Empty
              title="No registered model yet"
              command={'mlflow.sklearn.log_model(model, name="model", registered_model_name="flights-delay")'}
            >
              <p>
                Register one from a training script; promote it with{' '}
                <code>fettle models alias NAME champion VERSION</code>.
              </p>
            </Empty>
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
                { key: 'latest', title: 'Newest version', numeric: true, cell: (m) => newest(m) ?? '–', by: newest },
                { key: 'aliases', title: 'Aliases', cell: (m) => <Aliases model={m} /> },
                {
                  key: 'live',
                  title: 'Live on',
                  cell: (m) => <LiveOn model={m.name} endpoints={endpoints.data?.items ?? []} />,
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
    </>
  );
}

function newest(model: RegisteredModel) {
  const numbers = (model.latest_versions ?? []).map((v) => Number(v.version));
  return numbers.length ? Math.max(...numbers) : null;
}

function Aliases({ model, version }: { model: RegisteredModel; version?: string }) {
  const shown = (model.aliases ?? []).filter((a) => !version || String(a.version) === version);
  return (
    <span className="row wrap">
      {shown.map((a) => (
        <span key={a.alias} className="chip accent">
          @{a.alias}
          {version ? '' : ` → ${a.version}`}
        </span>
      ))}
    </span>
  );
}

function LiveOn({ model, version, endpoints }: { model: string; version?: string; endpoints: Endpoint[] }) {
  const uses = endpoints.flatMap((e) =>
    e.traffic
      .filter(
        (a) =>
          (a.model ?? e.model.split(/[@/]/)[0]) === model &&
          a.weight_percent > 0 &&
          (!version || a.version === version),
      )
      .map((a) => ({ endpoint: e.name, arm: a })),
  );
  if (uses.length === 0) return <span className="muted">–</span>;
  return (
    <span className="row wrap">
      {uses.map((u) => (
        <Link key={u.endpoint + u.arm.version + u.arm.arm} to={path`/endpoints/${u.endpoint}`}>
          {u.endpoint}
          {version ? '' : ` v${u.arm.version}`} {weight(u.arm.weight_percent)}
        </Link>
      ))}
    </span>
  );
}

export function ModelPage({ name }: { name: string }) {
  const model = useApi<{ registered_model: RegisteredModel }>(mlflow('/registered-models/get', { name }));
  const versions = useApi<{ model_versions?: ModelVersion[] }>(
    mlflow('/model-versions/search', { filter: `name = '${name.replaceAll("'", "''")}'`, max_results: 200 }),
  );
  const endpoints = useApi<Page<Endpoint>>(fettle('/endpoints'));
  const reports = useApi<Page<GateReport>>(fettle('/gate-reports', { model: name, limit: 200 }));
  return (
    <Loads of={model}>
      {({ registered_model: m }) => (
        <>
          <PageHead title={name} sub={m.description} actions={<Command text={`fettle models list`} />} />
          <Loads of={versions}>
            {(data) => {
              const rows = (data.model_versions ?? []).toSorted((a, b) => Number(b.version) - Number(a.version));
              return (
                <Versions
                  model={m}
                  rows={rows}
                  endpoints={endpoints.data?.items ?? []}
                  reports={reports.data?.items ?? []}
                />
              );
            }}
          </Loads>
        </>
      )}
    </Loads>
  );
}

function Versions({
  model,
  rows,
  endpoints,
  reports,
}: {
  model: RegisteredModel;
  rows: ModelVersion[];
  endpoints: Endpoint[];
  reports: GateReport[];
}) {
  const verdict = (v: ModelVersion) => reports.find((r) => r.candidate.version === v.version);
  return (
    <>
      <QualityOverVersions rows={rows} />
      <Panel title={`Versions (${rows.length})`}>
        <Table
          label="versions"
          order="-version"
          rows={rows}
          id={(v) => v.version}
          to={(v) => path`/models/${model.name}/versions/${v.version}`}
          columns={[
            {
              key: 'version',
              title: 'Version',
              cell: (v) => <Link to={path`/models/${model.name}/versions/${v.version}`}>v{v.version}</Link>,
              by: (v) => Number(v.version),
            },
            { key: 'alias', title: 'Aliases', cell: (v) => <Aliases model={model} version={v.version} /> },
            {
              key: 'live',
              title: 'Live on',
              cell: (v) => <LiveOn model={model.name} version={v.version} endpoints={endpoints} />,
            },
            {
              key: 'gate',
              title: 'Gate',
              cell: (v) => {
                const r = verdict(v);
                return r ? (
                  <Link to={path`/gates/${r.id}`}>
                    <Status state={r.verdict} />
                  </Link>
                ) : (
                  <Status state="not_run" />
                );
              },
            },
            {
              key: 'run',
              title: 'Run',
              cell: (v) => (v.run_id ? <Id id={v.run_id} to={path`/runs/${v.run_id}`} /> : '–'),
            },
            { key: 'status', title: 'Status', cell: (v) => <Status state={v.status ?? 'READY'} /> },
            {
              key: 'created',
              title: 'Created',
              cell: (v) => <Time ms={v.creation_timestamp} />,
              by: (v) => v.creation_timestamp,
            },
            { key: 'what', title: 'Description', cell: (v) => <span className="secondary">{v.description}</span> },
          ]}
        />
      </Panel>
    </>
  );
}

const kPlotted = 60;

/** One metric of the source runs over the versions. */
function QualityOverVersions({ rows }: { rows: ModelVersion[] }) {
  const [metric, setMetric] = useQueryState('metric');
  const ordered = rows.toReversed().slice(-kPlotted);
  const experiments = useApi<{ experiments?: { experiment_id: string }[] }>(
    { method: 'POST', url: mlflow('/experiments/search'), body: { max_results: 1000, view_type: 'ACTIVE_ONLY' } },
    0,
  );
  const ids = experiments.data?.experiments?.map((e) => e.experiment_id) ?? [];
  const found = useApi<{ runs?: Run[] }>(
    ids.length && rows.length > 1
      ? { method: 'POST', url: mlflow('/runs/search'), body: { experiment_ids: ids, max_results: 1000 } }
      : null,
    0,
  );
  const runs = new Map((found.data?.runs ?? []).map((r) => [r.info.run_id, r]));
  const keys = [
    ...new Set(ordered.flatMap((v) => runs.get(v.run_id ?? '')?.data.metrics?.map((m) => m.key) ?? [])),
  ].sort();
  const key = keys.includes(metric) ? metric : (keys.find((k) => /auc/i.test(k)) ?? keys[0]);
  if (!key || ordered.length < 2) return null;
  const values = ordered.map((v) =>
    toNumber(runs.get(v.run_id ?? '')?.data.metrics?.find((m) => m.key === key)?.value),
  );
  return (
    <Panel
      title="Over versions"
      aside={
        <select className="input" value={key} onChange={(e) => setMetric(e.target.value)} aria-label="metric">
          {keys.map((k) => (
            <option key={k}>{k}</option>
          ))}
        </select>
      }
    >
      <LineChart
        label={`${key} over versions`}
        height={160}
        x={ordered.map((v) => `v${v.version}`)}
        series={[{ id: key, name: key, color: 'var(--series-1)', values }]}
      />
      <p className="table-foot">as measured by each version's own training run</p>
    </Panel>
  );
}

export function VersionPage({ name, version }: { name: string; version: string }) {
  const [tab] = useQueryState('tab', 'overview');
  const loaded = useApi<{ model_version: ModelVersion }>(mlflow('/model-versions/get', { name, version }));
  const to = (key: string) => path`/models/${name}/versions/${version}` + (key === 'overview' ? '' : `?tab=${key}`);
  return (
    <Loads of={loaded}>
      {({ model_version: v }) => (
        <>
          <PageHead
            title={`${name} v${version}`}
            sub={
              <span className="row wrap">
                <Status state={v.status ?? 'READY'} chip />
                {(v.aliases ?? []).map((a) => (
                  <span key={a} className="chip accent">
                    @{a}
                  </span>
                ))}
                <span>
                  created <Time ms={v.creation_timestamp} />
                </span>
                {v.description}
              </span>
            }
            actions={<Command text={`fettle lineage ${name}/${version}`} />}
          />
          <Tabs
            of={[
              ['overview', 'Overview'],
              ['lineage', 'Lineage'],
            ]}
            current={tab}
            to={to}
          />
          {tab === 'lineage' ? <LineageView id={`models:/${name}/${version}`} /> : <VersionOverview v={v} />}
        </>
      )}
    </Loads>
  );
}

function VersionOverview({ v }: { v: ModelVersion }) {
  const run = useApi<{ run: Run }>(v.run_id ? mlflow('/runs/get', { run_id: v.run_id }) : null, 0);
  const reports = useApi<Page<GateReport>>(fettle('/gate-reports', { model: v.name, version: v.version }));
  const endpoints = useApi<Page<Endpoint>>(fettle('/endpoints'));
  return (
    <>
      <div className="columns">
        <Panel title="What it is">
          <Facts
            of={[
              [
                'model',
                <Link key="m" to={path`/models/${v.name}`}>
                  {v.name}
                </Link>,
              ],
              ['version', v.version],
              [
                'live on',
                <LiveOn key="l" model={v.name} version={v.version} endpoints={endpoints.data?.items ?? []} />,
              ],
              ['run', v.run_id ? <Id key="r" id={v.run_id} to={path`/runs/${v.run_id}`} /> : undefined],
              ['source', <code key="s">{v.source}</code>],
              [
                'tags',
                (v.tags ?? []).map((t) => (
                  <span key={t.key} className="chip" style={{ marginRight: 4 }}>
                    {t.key}: {t.value}
                  </span>
                )),
              ],
            ]}
          />
          <div style={{ marginTop: 12 }}>
            <Command text={`mlflow.pyfunc.load_model("models:/${v.name}/${v.version}")`} />
          </div>
        </Panel>
        <Panel title="Metrics of its run">
          {run.data ? (
            <Facts
              of={(run.data.run.data.metrics ?? []).map((m) => [
                m.key,
                <span key={m.key} className="mono">
                  {num(m.value, 6)}
                </span>,
              ])}
            />
          ) : (
            <p className="muted">{v.run_id ? 'loading' : 'no source run is known'}</p>
          )}
        </Panel>
      </div>
      <Panel title="Gate reports">
        <Loads of={reports}>
          {(data) =>
            data.items.length === 0 ? (
              <p className="muted">no gate has judged this version</p>
            ) : (
              <Table
                label="gate reports"
                rows={data.items}
                id={(r) => r.id}
                to={(r) => path`/gates/${r.id}`}
                columns={[
                  {
                    key: 'verdict',
                    title: 'Verdict',
                    cell: (r) => <Status state={r.verdict} chip />,
                    by: (r) => r.verdict,
                  },
                  { key: 'gate', title: 'Gate', cell: (r) => <Link to={path`/gates/${r.id}`}>{r.gate}</Link> },
                  { key: 'reason', title: 'Reason', cell: (r) => r.reason },
                  {
                    key: 'champion',
                    title: 'Against',
                    cell: (r) => (r.champion ? `v${r.champion.version}` : 'no champion'),
                  },
                  { key: 'rows', title: 'Rows', numeric: true, cell: (r) => num(r.data.rows) },
                  {
                    key: 'when',
                    title: 'When',
                    cell: (r) => <Time ms={r.started_at_ms} />,
                    by: (r) => r.started_at_ms,
                  },
                ]}
              />
            )
          }
        </Loads>
      </Panel>
      <Panel
        title="Lineage"
        aside={<Link to={path`/models/${v.name}/versions/${v.version}` + '?tab=lineage'}>open</Link>}
      >
        <LineageView id={`models:/${v.name}/${v.version}`} maxHeight={320} />
      </Panel>
    </>
  );
}
