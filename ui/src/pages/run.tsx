// "What happened in this run, and can I repeat it?"
import { useEffect, useState, type ReactNode } from 'react';
import { mlflow, useApi } from '../api';
import { bytes, dataId, duration, lineageOf, num, seriesColor, toNumber } from '../format';
import {
  Command,
  Copy,
  Empty,
  Facts,
  Failed,
  Json,
  Loads,
  PageHead,
  Panel,
  Skeleton,
  Status,
  Tabs,
  Time,
} from '../parts/basics';
import { LineChart } from '../parts/charts';
import { LineageView } from '../parts/lineage';
import { Link, path, serverPrefix, useQueryState } from '../router';
import type { Artifact, ModelVersion, Run, RunMetric } from '../types';
import { nameOf, tagOf } from './runs';

export function RunPage({ id }: { id: string }) {
  const loaded = useApi<{ run: Run }>(mlflow('/runs/get', { run_id: id }));
  return (
    <Loads of={loaded} lines={8}>
      {(data) => <RunView run={data.run} />}
    </Loads>
  );
}

function RunView({ run }: { run: Run }) {
  const [tab] = useQueryState('tab', 'overview');
  const id = run.info.run_id;
  const to = (key: string) => path`/runs/${id}` + (key === 'overview' ? '' : `?tab=${key}`);
  return (
    <>
      <PageHead
        title={nameOf(run)}
        crumbs={nameOf(run)}
        sub={
          <span className="row wrap">
            <Status state={run.info.status} chip />
            <span className="mono">{id}</span>
            <Copy text={id} />
            <span>
              started <Time ms={run.info.start_time} />
            </span>
            {run.info.end_time ? (
              <span>took {duration(Number(run.info.end_time) - Number(run.info.start_time))}</span>
            ) : null}
          </span>
        }
        actions={<Command text={`fettle lineage run/${id.slice(0, 8)}`} />}
      />
      <Tabs
        of={[
          ['overview', 'Overview'],
          ['artifacts', 'Artifacts'],
          ['lineage', 'Lineage'],
        ]}
        current={tab}
        to={to}
      />
      {tab === 'overview' && <Overview run={run} />}
      {tab === 'artifacts' && <Artifacts runId={id} />}
      {tab === 'lineage' && <LineageView id={`run/${id}`} />}
    </>
  );
}

function Overview({ run }: { run: Run }) {
  const params = (run.data.params ?? []).toSorted((a, b) => a.key.localeCompare(b.key));
  const metrics = (run.data.metrics ?? []).toSorted((a, b) => a.key.localeCompare(b.key));
  const tags = (run.data.tags ?? []).filter((t) => !t.key.startsWith('mlflow.') || t.key === 'mlflow.note.content');
  const experiment = useApi<{ experiment: { name: string } }>(
    mlflow('/experiments/get', { experiment_id: run.info.experiment_id }),
    0,
  );
  const versions = useApi<{ model_versions?: ModelVersion[] }>(
    mlflow('/model-versions/search', { filter: `run_id = '${run.info.run_id}'`, max_results: 20 }),
    15000,
  );
  return (
    <>
      <div className="columns">
        <Panel title={`Metrics (${metrics.length})`}>
          {metrics.length === 0 ? (
            <p className="muted">none was logged</p>
          ) : (
            <Facts
              of={metrics.map((m) => [
                m.key,
                <span className="mono" key={m.key}>
                  {num(m.value, 6)}
                </span>,
              ])}
            />
          )}
        </Panel>
        <Panel title={`Parameters (${params.length})`}>
          {params.length === 0 ? (
            <p className="muted">none was logged</p>
          ) : (
            <Facts
              of={params.map((p) => [
                p.key,
                <span className="mono" key={p.key}>
                  {p.value}
                </span>,
              ])}
            />
          )}
        </Panel>
        <Panel title="Where it came from">
          <Facts
            of={[
              [
                'experiment',
                <Link key="e" to={`/runs?experiment=${run.info.experiment_id}`}>
                  {experiment.data?.experiment.name ?? run.info.experiment_id}
                </Link>,
              ],
              ['user', run.info.user_id || tagOf(run, 'mlflow.user')],
              ['source', tagOf(run, 'mlflow.source.name')],
              ['commit', tagOf(run, 'mlflow.source.git.commit')?.slice(0, 12)],
              ['started', <Time key="t" ms={run.info.start_time} absolute />],
              ...(run.inputs?.dataset_inputs ?? []).map((d, i): [string, ReactNode] => [
                i ? `data ${i + 1}` : 'data',
                <Link key={i} to={datasetLineage(d.dataset)}>
                  {d.dataset.name} <span className="mono">{d.dataset.digest}</span>
                </Link>,
              ]),
              [
                'registered as',
                versions.data?.model_versions?.length
                  ? versions.data.model_versions.map((v) => (
                      <Link
                        key={v.version}
                        to={path`/models/${v.name}/versions/${v.version}`}
                        style={{ marginRight: 8 }}
                      >
                        {v.name} v{v.version}
                      </Link>
                    ))
                  : undefined,
              ],
            ]}
          />
        </Panel>
        {tags.length > 0 && (
          <Panel title={`Tags (${tags.length})`}>
            <Facts of={tags.map((t) => [t.key, <span key={t.key}>{t.value}</span>])} />
          </Panel>
        )}
      </div>
      <Curves run={run} metrics={metrics} />
    </>
  );
}

/** A digest that is a content hash names the data version itself; any other one only this dataset. */
function datasetLineage({ name, digest }: { name: string; digest: string }) {
  return lineageOf(dataId(/^[0-9a-f]{32}(\.dir)?$/.test(digest) ? digest : `${name}@${digest}`));
}

function Curves({ run, metrics }: { run: Run; metrics: RunMetric[] }) {
  const stepped = metrics.filter((m) => Number(m.step) > 0).slice(0, 12);
  if (stepped.length === 0) return null;
  return (
    <Panel title="Curves" aside="over steps">
      <div className="columns">
        {stepped.map((m) => (
          <Curve key={m.key} runId={run.info.run_id} metric={m.key} />
        ))}
      </div>
    </Panel>
  );
}

function Curve({ runId, metric }: { runId: string; metric: string }) {
  const history = useApi<{ metrics?: RunMetric[] }>(
    mlflow('/metrics/get-history', { run_id: runId, metric_key: metric, max_results: 2000 }),
    10000,
  );
  return (
    <div style={{ marginBottom: 16 }}>
      <h3>{metric}</h3>
      <Loads of={history} height={60}>
        {(data) => {
          const points = (data.metrics ?? []).toSorted((a, b) => Number(a.step) - Number(b.step));
          return (
            <LineChart
              label={metric}
              x={points.map((p) => String(p.step))}
              at={points.map((p) => Number(p.step))}
              height={150}
              series={[
                { id: metric, name: metric, color: seriesColor(runId), values: points.map((p) => toNumber(p.value)) },
              ]}
            />
          );
        }}
      </Loads>
    </div>
  );
}

const textual =
  /\.(txt|md|json|ya?ml|csv|tsv|log|py|toml|cfg|ini|xml|html|svg)$|(^|\/)(MLmodel|requirements|Dockerfile)$/i;
const image = /\.(png|jpe?g|gif|webp)$/i;

function Artifacts({ runId }: { runId: string }) {
  const [file, setFile] = useQueryState('file');
  return (
    <div className="columns">
      <Panel title="Files">
        <Folder runId={runId} at="" file={file} choose={setFile} />
      </Panel>
      <Panel
        title={file || 'Preview'}
        aside={
          file && (
            <a className="button" href={artifactUrl(runId, file)} download>
              download
            </a>
          )
        }
      >
        {file ? <Preview runId={runId} file={file} /> : <p className="muted">choose a file</p>}
      </Panel>
    </div>
  );
}

function artifactUrl(runId: string, file: string) {
  return `${serverPrefix}/get-artifact?${new URLSearchParams({ path: file, run_uuid: runId })}`;
}

function Folder({
  runId,
  at,
  file,
  choose,
}: {
  runId: string;
  at: string;
  file: string;
  choose: (file: string) => void;
}) {
  const [open, setOpen] = useState<Record<string, boolean>>({});
  const listed = useApi<{ files?: Artifact[] }>(mlflow('/artifacts/list', { run_id: runId, path: at }), 0);
  if (listed.loading) return <Skeleton lines={3} />;
  if (listed.error) return <Failed error={listed.error} retry={listed.reload} />;
  const files = listed.data?.files ?? [];
  if (files.length === 0)
    return at ? (
      <p className="muted">empty</p>
    ) : (
      <Empty title="No artifacts">
        <p>Models, reports and plots that the run logs appear here.</p>
      </Empty>
    );
  return (
    <ul style={{ paddingLeft: at ? 18 : 0 }}>
      {files.map((f) => {
        const name = f.path.split('/').pop();
        return (
          <li key={f.path}>
            <button
              type="button"
              className="button quiet"
              aria-expanded={f.is_dir ? !!open[f.path] : undefined}
              aria-current={f.path === file ? 'true' : undefined}
              onClick={() => (f.is_dir ? setOpen((o) => ({ ...o, [f.path]: !o[f.path] })) : choose(f.path))}
              style={f.path === file ? { color: 'var(--accent)', fontWeight: 600 } : undefined}
            >
              <span aria-hidden="true" style={{ width: 12 }}>
                {f.is_dir ? (open[f.path] ? '▾' : '▸') : ''}
              </span>
              {name}
              {f.is_dir ? '/' : ''}
              {!f.is_dir && <span className="muted">{bytes(f.file_size)}</span>}
            </button>
            {f.is_dir && open[f.path] && <Folder runId={runId} at={f.path} file={file} choose={choose} />}
          </li>
        );
      })}
    </ul>
  );
}

const kPreviewBytes = 256 * 1024;

function Preview({ runId, file }: { runId: string; file: string }) {
  if (image.test(file)) return <img src={artifactUrl(runId, file)} alt={file} style={{ maxWidth: '100%' }} />;
  if (!textual.test(file)) return <p className="muted">no preview for this kind of file; download it</p>;
  return <TextPreview key={file} url={artifactUrl(runId, file)} json={file.endsWith('.json')} />;
}

function TextPreview({ url, json }: { url: string; json: boolean }) {
  const text = useText(url);
  if (text.error) return <p className="tone-danger">{text.error}</p>;
  if (text.value === undefined) return <Skeleton />;
  if (json && !text.cut) {
    try {
      return <Json value={JSON.parse(text.value)} />;
    } catch {
      /* shown as it is */
    }
  }
  return (
    <>
      <pre className="block log">{text.value}</pre>
      {text.cut && (
        <p className="table-foot">
          the first {bytes(kPreviewBytes)} of {bytes(text.size)}
        </p>
      )}
    </>
  );
}

interface Text {
  url: string;
  value?: string;
  error?: string;
  cut?: boolean;
  size?: number;
}

function useText(url: string): Text {
  const [state, setState] = useState<Text>({ url });
  useEffect(() => {
    const abort = new AbortController();
    fetch(url, { headers: { range: `bytes=0-${kPreviewBytes - 1}` }, signal: abort.signal })
      .then(async (r) => {
        if (!r.ok) throw new Error(`${r.status} ${r.statusText}`);
        const body = (await r.text()).slice(0, kPreviewBytes);
        const size = Number(
          r.headers.get('content-range')?.split('/')[1] ?? r.headers.get('content-length') ?? body.length,
        );
        setState({ url, value: body, size, cut: size > kPreviewBytes });
      })
      .catch((e: unknown) => {
        if (!abort.signal.aborted) setState({ url, error: String(e) });
      });
    return () => abort.abort();
  }, [url]);
  return state.url === url ? state : { url };
}
