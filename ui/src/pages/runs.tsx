// "Which run is best, and what made the difference?"
import { useEffect, useMemo, useState } from 'react';
import { mlflow, useApi } from '../api';
import { duration, num, seriesColor, toNumber } from '../format';
import { Empty, Failed, PageHead, Panel, Skeleton, Status, Time } from '../parts/basics';
import { Parallel, type Axis, type Strand } from '../parts/parallel';
import { Table, type Column } from '../parts/table';
import { Link, navigate, path, useQueryState } from '../router';
import type { Experiment, Run } from '../types';

const kColumns = 12;
const kPage = 200;

export function metricOf(run: Run, key: string) {
  return run.data.metrics?.find((m) => m.key === key)?.value;
}
export function paramOf(run: Run, key: string) {
  return run.data.params?.find((p) => p.key === key)?.value;
}
export function tagOf(run: Run, key: string) {
  return run.data.tags?.find((t) => t.key === key)?.value;
}
export function nameOf(run: Run) {
  return run.info.run_name || tagOf(run, 'mlflow.runName') || run.info.run_id.slice(0, 8);
}

/** Metrics by coverage, then the parameters that differ, most distinct values first: at most twelve together. */
function automatic(runs: Run[]): { metrics: string[]; params: string[]; telling: string[] } {
  const covered = new Map<string, number>();
  const values = new Map<string, Set<string>>();
  for (const run of runs) {
    for (const m of run.data.metrics ?? [])
      if (!m.key.startsWith('system/')) covered.set(m.key, (covered.get(m.key) ?? 0) + 1);
    for (const p of run.data.params ?? []) values.set(p.key, (values.get(p.key) ?? new Set<string>()).add(p.value));
  }
  const metrics = [...covered]
    .sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]))
    .map(([key]) => key)
    .slice(0, 6);
  const differing = [...values]
    .filter(([, set]) => set.size > 1 || runs.length === 1)
    .sort((a, b) => b[1].size - a[1].size || a[0].localeCompare(b[0]))
    .map(([key]) => key);
  const telling = metrics.filter(
    (key) => new Set(runs.map((r) => metricOf(r, key)).filter((v) => v !== undefined)).size > 1,
  );
  return { metrics, params: differing.slice(0, kColumns - metrics.length), telling };
}

export function RunsPage() {
  const [filter, setFilter] = useQueryState('q');
  const [experiment, setExperiment] = useQueryState('experiment');
  const [selected, setSelected] = useQueryState('sel');
  const [typed, setTyped] = useState(filter);
  const [limit, setLimit] = useState(kPage);
  const [lit, setLit] = useState<string | null>(null);
  useEffect(() => setTyped(filter), [filter]);
  const experiments = useApi<{ experiments?: Experiment[] }>(
    { method: 'POST', url: mlflow('/experiments/search'), body: { max_results: 1000, view_type: 'ACTIVE_ONLY' } },
    30000,
  );
  const all = experiments.data?.experiments ?? [];
  const ids = experiment ? [experiment] : all.map((e) => e.experiment_id);
  const found = useApi<{ runs?: Run[]; next_page_token?: string }>(
    ids.length
      ? {
          method: 'POST',
          url: mlflow('/runs/search'),
          body: {
            experiment_ids: ids,
            filter,
            max_results: limit,
            run_view_type: 'ACTIVE_ONLY',
            order_by: ['attributes.start_time DESC'],
          },
        }
      : null,
  );
  const runs = found.data?.runs ?? [];
  const chosen = useMemo(() => new Set(selected.split(',').filter(Boolean)), [selected]);
  const toggle = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setSelected([...next].join(','));
  };
  const compared = chosen.size ? runs.filter((r) => chosen.has(r.info.run_id)) : runs;
  return (
    <>
      <PageHead title="Runs" sub="Each row is one training run: a build whose output is a model and its numbers." />
      <form
        className="row wrap"
        style={{ marginBottom: 12 }}
        onSubmit={(e) => {
          e.preventDefault();
          setFilter(typed.trim());
        }}
      >
        <select
          className="input"
          value={experiment}
          onChange={(e) => setExperiment(e.target.value)}
          aria-label="experiment"
        >
          <option value="">all experiments</option>
          {all.map((e) => (
            <option key={e.experiment_id} value={e.experiment_id}>
              {e.name}
            </option>
          ))}
        </select>
        <input
          className="input mono grow"
          style={{ maxWidth: 620 }}
          data-filter
          value={typed}
          onChange={(e) => setTyped(e.target.value)}
          placeholder="filter, e.g.  metrics.auc > 0.7 and params.depth = '6'"
          aria-label="filter of runs"
          spellCheck={false}
        />
        <button className="button" type="submit">
          Filter
        </button>
        {filter && (
          <button className="button quiet" type="button" onClick={() => setFilter('')}>
            clear
          </button>
        )}
      </form>
      {found.error && <Failed error={found.error} retry={found.reload} />}
      {(experiments.loading || found.loading) && <Skeleton lines={8} />}
      {found.data && runs.length === 0 && <NoRuns filtered={!!filter} />}
      {experiments.data && ids.length === 0 && <NoRuns filtered={false} />}
      {runs.length > 0 && (
        <>
          {runs.length > 1 && <Comparison runs={compared} picked={chosen.size} lit={lit} onLit={setLit} />}
          <RunTable
            runs={runs}
            experiments={all}
            chosen={chosen}
            toggle={toggle}
            clear={() => setSelected('')}
            more={!!found.data?.next_page_token}
            showMore={() => setLimit((n) => n + kPage)}
          />
        </>
      )}
    </>
  );
}

function NoRuns({ filtered }: { filtered: boolean }) {
  if (filtered)
    return (
      <Empty title="No run matches this filter">
        <p>
          The grammar is MLflow's:{' '}
          <code>metrics.auc &gt; 0.7 and params.model = 'xgb' and attributes.status = 'FINISHED'</code>.
        </p>
      </Empty>
    );
  return (
    <Empty title="No run yet" command={`export MLFLOW_TRACKING_URI=${location.origin}\npython train.py`}>
      <p>
        Any script that uses <code>mlflow</code> logs here; nothing in it has to change.
      </p>
    </Empty>
  );
}

function Comparison({
  runs,
  picked,
  lit,
  onLit,
}: {
  runs: Run[];
  picked: number;
  lit: string | null;
  onLit: (id: string | null) => void;
}) {
  const { metrics, params, telling } = useMemo(() => automatic(runs), [runs]);
  const choices = [...params.map((k) => `p.${k}`), ...metrics.map((k) => `m.${k}`)];
  const initial = [...params.slice(0, 4).map((k) => `p.${k}`), ...telling.slice(0, 4).map((k) => `m.${k}`)];
  const [text, setText] = useQueryState('axes');
  const wanted = (text ? text.split(',') : initial).filter((key) => choices.includes(key));
  const axes: Axis[] = wanted.map((key) => ({ key, title: key.slice(2) }));
  const strands: Strand[] = runs.slice(0, 1000).map((run) => ({
    id: run.info.run_id,
    name: nameOf(run),
    color: seriesColor(run.info.run_id),
    values: Object.fromEntries(
      choices.map((key) => [key, key.startsWith('m.') ? metricOf(run, key.slice(2)) : paramOf(run, key.slice(2))]),
    ),
  }));
  const toggle = (key: string) =>
    setText(
      (wanted.includes(key)
        ? wanted.filter((k) => k !== key)
        : choices.filter((k) => k === key || wanted.includes(k))
      ).join(','),
    );
  if (choices.length < 2) return null;
  return (
    <Panel
      title={picked ? `Comparison of the ${picked} selected` : 'Comparison'}
      aside="parameters on the left, metrics on the right"
    >
      <div className="row wrap" style={{ marginBottom: 4 }} role="group" aria-label="axes">
        {choices.map((key) => (
          <label key={key} className={`chip${wanted.includes(key) ? ' accent' : ''}`} style={{ cursor: 'pointer' }}>
            <input type="checkbox" className="sr" checked={wanted.includes(key)} onChange={() => toggle(key)} />
            {key.slice(2)}
          </label>
        ))}
      </div>
      {axes.length > 1 ? (
        <Parallel axes={axes} strands={strands} lit={lit} onLit={onLit} onOpen={(id) => navigate(path`/runs/${id}`)} />
      ) : (
        <p className="muted">choose two axes or more</p>
      )}
    </Panel>
  );
}

interface TableProps {
  runs: Run[];
  experiments: Experiment[];
  chosen: Set<string>;
  toggle: (id: string) => void;
  clear: () => void;
  more: boolean;
  showMore: () => void;
}

function RunTable({ runs, experiments, chosen, toggle, clear, more, showMore }: TableProps) {
  const { metrics, params } = useMemo(() => automatic(runs), [runs]);
  const experimentName = (run: Run) =>
    experiments.find((e) => e.experiment_id === run.info.experiment_id)?.name ?? run.info.experiment_id;
  const columns: Column<Run>[] = [
    {
      key: 'sel',
      title: <span className="sr">select</span>,
      cell: (r) => (
        <input
          type="checkbox"
          aria-label={`select ${nameOf(r)}`}
          checked={chosen.has(r.info.run_id)}
          onChange={() => toggle(r.info.run_id)}
        />
      ),
    },
    {
      key: 'name',
      title: 'Run',
      cell: (r) => (
        <span className="row">
          <span className="dot" style={{ background: seriesColor(r.info.run_id) }} />
          <Link className="nowrap" to={path`/runs/${r.info.run_id}`}>
            {nameOf(r)}
          </Link>
        </span>
      ),
      by: nameOf,
    },
    { key: 'status', title: 'Status', cell: (r) => <Status state={r.info.status} />, by: (r) => r.info.status },
    { key: 'started', title: 'Started', cell: (r) => <Time ms={r.info.start_time} />, by: (r) => r.info.start_time },
    {
      key: 'took',
      title: 'Took',
      numeric: true,
      cell: (r) => (r.info.end_time ? duration(Number(r.info.end_time) - Number(r.info.start_time)) : '–'),
      by: (r) => (r.info.end_time ? Number(r.info.end_time) - Number(r.info.start_time) : null),
    },
    { key: 'experiment', title: 'Experiment', cell: experimentName, by: experimentName },
    {
      key: 'data',
      title: 'Data',
      cell: (r) => (
        <span className="mono">
          {r.inputs?.dataset_inputs?.map((d) => d.dataset.digest?.slice(0, 8)).join(' ') || '–'}
        </span>
      ),
    },
    ...metrics.map((key): Column<Run> => ({
      key: `m.${key}`,
      title: key,
      numeric: true,
      cell: (r) => num(metricOf(r, key)),
      by: (r) => toNumber(metricOf(r, key)),
    })),
    ...params.map((key): Column<Run> => ({
      key: `p.${key}`,
      title: key,
      numeric: toNumber(paramOf(runs[0] as Run, key)) !== null,
      cell: (r) => (
        <span
          className="clip"
          style={{ maxWidth: 160, display: 'inline-block', verticalAlign: 'bottom' }}
          title={paramOf(r, key)}
        >
          {num(paramOf(r, key))}
        </span>
      ),
      by: (r) => paramOf(r, key),
    })),
  ];
  const visible = runs.filter((r) => chosen.has(r.info.run_id)).length;
  return (
    <Panel
      title="All runs"
      aside={
        chosen.size > 0 ? (
          <>
            {chosen.size} selected{chosen.size > visible ? `, ${chosen.size - visible} not in this filter` : ''}{' '}
            <button type="button" className="button quiet" onClick={clear}>
              clear
            </button>
          </>
        ) : undefined
      }
    >
      <Table
        label="runs"
        name="sort"
        order="-started"
        columns={columns}
        rows={runs}
        id={(r) => r.info.run_id}
        to={(r) => path`/runs/${r.info.run_id}`}
        chosen={(r) => chosen.has(r.info.run_id)}
        foot={
          <>
            {runs.length} runs
            {more && (
              <>
                {' '}
                shown, the server has more ·{' '}
                <button type="button" className="button quiet" onClick={showMore}>
                  show more
                </button>
              </>
            )}{' '}
            · {metrics.length} metrics and {params.length} differing parameters
          </>
        }
      />
    </Panel>
  );
}
