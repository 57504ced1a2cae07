// "Is it serving well, and what exactly is it serving?"
import { fettle, useApi } from '../api';
import { count, fixed, num, percent, versionColor, weight } from '../format';
import { Command, Empty, Facts, Figure, Id, Loads, PageHead, Panel, Spec, Status, Tabs, Time } from '../parts/basics';
import { SplitBar, SplitText } from '../parts/split';
import { Table } from '../parts/table';
import { Link, path, useQueryState } from '../router';
import type { Arm, Endpoint, Monitor, Page, PredictionSummary, Resource, Revision, Rollout } from '../types';
import { RolloutRows } from './rollouts';

export function EndpointsPage() {
  const endpoints = useApi<Page<Endpoint>>(fettle('/endpoints'));
  return (
    <>
      <PageHead title="Endpoints" sub="A name that clients call; behind it, model versions share the traffic." />
      <Loads of={endpoints} lines={5}>
        {(data) =>
          data.items.length === 0 ? (
            <Empty
              title="No endpoint yet"
              command={'kind: Endpoint\nname: flights\nspec:\n  model: flights-delay@champion'}
            >
              <p>
                Write this to a file and run <code>fettle apply -f FILE</code>.
              </p>
            </Empty>
          ) : (
            <Table
              label="endpoints"
              rows={data.items}
              id={(e) => e.name}
              to={(e) => path`/endpoints/${e.name}`}
              columns={[
                {
                  key: 'name',
                  title: 'Endpoint',
                  cell: (e) => <Link to={path`/endpoints/${e.name}`}>{e.name}</Link>,
                  by: (e) => e.name,
                },
                { key: 'state', title: 'State', cell: (e) => <Status state={e.state} />, by: (e) => e.state },
                { key: 'model', title: 'Model', cell: (e) => e.model, by: (e) => e.model },
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
                  key: 'p99',
                  title: 'p99 ms',
                  numeric: true,
                  cell: (e) => num(e.traffic[0]?.latency_ms?.p99, 3),
                  by: (e) => e.traffic[0]?.latency_ms?.p99,
                },
                {
                  key: 'errors',
                  title: 'Errors',
                  numeric: true,
                  cell: (e) => percent(e.requests ? e.errors / e.requests : 0),
                  by: (e) => e.errors,
                },
                {
                  key: 'rollout',
                  title: 'Rollout',
                  cell: (e) =>
                    e.rollout ? (
                      <Link to={path`/rollouts/${e.rollout}`}>in progress</Link>
                    ) : (
                      <span className="muted">–</span>
                    ),
                },
              ]}
            />
          )
        }
      </Loads>
    </>
  );
}

export function EndpointPage({ name }: { name: string }) {
  const [tab] = useQueryState('tab', 'overview');
  const loaded = useApi<Endpoint>(fettle(path`/endpoints/${name}`), 3000);
  const to = (key: string) => path`/endpoints/${name}` + (key === 'overview' ? '' : `?tab=${key}`);
  return (
    <Loads of={loaded} lines={8}>
      {(e) => (
        <>
          <PageHead
            title={name}
            sub={
              <span className="row wrap">
                <Status state={e.state} chip />
                {e.reason && <span>{e.reason}</span>}
                <span>{e.model}</span>
                {e.revision && (
                  <span>
                    revision {e.revision.number}, <Time ms={e.revision.at_ms} />
                  </span>
                )}
              </span>
            }
            actions={<Command text={`fettle endpoints show ${name}`} />}
          />
          <Tabs
            of={[
              ['overview', 'Overview'],
              ['predictions', 'Predictions'],
              ['contract', 'Contract'],
              ['config', 'Config'],
            ]}
            current={tab}
            to={to}
          />
          {tab === 'overview' && <Overview e={e} />}
          {tab === 'predictions' && <Predictions endpoint={name} />}
          {tab === 'contract' && <Contract name={e.contract ?? null} />}
          {tab === 'config' && (
            <Panel title="Spec" aside={`generation ${e.generation}`}>
              <Spec value={e.spec ?? {}} />
            </Panel>
          )}
        </>
      )}
    </Loads>
  );
}

function Overview({ e }: { e: Endpoint }) {
  const monitors = useApi<Page<Monitor>>(fettle('/monitors'), 15000);
  const watching = monitors.data?.items.filter((m) => m.endpoint === e.name) ?? [];
  return (
    <>
      <div className="figures">
        <Figure value={count(e.rows)} what="predictions" />
        <Figure value={count(e.requests)} what="requests" />
        <Figure value={fixed(e.requests_per_s, 1)} what="requests a second" />
        <Figure
          value={percent(e.requests ? e.errors / e.requests : 0)}
          what="errors"
          tone={e.errors > 0 ? 'danger' : undefined}
        />
      </div>
      <Panel title="Traffic" aside={e.rollout && <Link to={path`/rollouts/${e.rollout}`}>rollout in progress</Link>}>
        <div style={{ maxWidth: 720, marginBottom: 12 }}>
          <SplitBar arms={e.traffic} />
        </div>
        <Arms e={e} />
      </Panel>
      <Panel title="Rollouts">
        <EndpointRollouts endpoint={e.name} />
      </Panel>
      <div className="columns">
        <Panel title="Revisions" aside="what was served when">
          <Revisions endpoint={e.name} />
        </Panel>
        <Panel title="Monitoring">
          {watching.length === 0 ? (
            <p className="muted">no Monitor watches this endpoint</p>
          ) : (
            <ul className="stack">
              {watching.map((m) => (
                <li key={m.name} className="row">
                  <Status state={m.state} chip />
                  <Link to={path`/monitoring/${m.name}`}>{m.name}</Link>
                  <span className="secondary">{m.verdict}</span>
                </li>
              ))}
            </ul>
          )}
        </Panel>
      </div>
    </>
  );
}

function Arms({ e }: { e: Endpoint }) {
  const model = (a: Arm) => a.model ?? e.model.replace('models:/', '').split(/[@/]/)[0] ?? '';
  return (
    <Table
      label="versions"
      rows={e.traffic}
      id={(a) => a.arm + a.version}
      columns={[
        { key: 'arm', title: 'Arm', cell: (a) => a.arm },
        {
          key: 'version',
          title: 'Version',
          cell: (a) => (
            <span className="row">
              <span className="dot" style={{ background: versionColor(a.version) }} />
              <Link to={path`/models/${model(a)}/versions/${a.version}`}>
                {model(a)} v{a.version}
              </Link>
            </span>
          ),
        },
        { key: 'weight', title: 'Share', numeric: true, cell: (a) => weight(a.weight_percent) },
        { key: 'rows', title: 'Predictions', numeric: true, cell: (a) => count(a.rows) },
        { key: 'errors', title: 'Errors', numeric: true, cell: (a) => count(a.errors) },
        { key: 'p50', title: 'p50 ms', numeric: true, cell: (a) => num(a.latency_ms?.p50, 3) },
        { key: 'p95', title: 'p95 ms', numeric: true, cell: (a) => num(a.latency_ms?.p95, 3) },
        { key: 'p99', title: 'p99 ms', numeric: true, cell: (a) => num(a.latency_ms?.p99, 3) },
        { key: 'score', title: 'Mean score', numeric: true, cell: (a) => fixed(a.score_mean, 3) },
        { key: 'confidence', title: 'Mean confidence', numeric: true, cell: (a) => fixed(a.confidence_mean, 3) },
        { key: 'low', title: 'Low confidence', numeric: true, cell: (a) => percent(a.low_confidence_rate) },
        { key: 'ood', title: 'Out of distribution', numeric: true, cell: (a) => percent(a.ood_rate) },
        { key: 'fallback', title: 'Fallback', numeric: true, cell: (a) => percent(a.fallback_rate) },
      ]}
    />
  );
}

function EndpointRollouts({ endpoint }: { endpoint: string }) {
  const rollouts = useApi<Page<Rollout>>(fettle('/rollouts', { endpoint, limit: 50 }));
  return (
    <Loads of={rollouts}>
      {(data) =>
        data.items.length ? (
          <RolloutRows rollouts={data.items} />
        ) : (
          <p className="muted">none yet: fettle rollout start {endpoint} --candidate MODEL/VERSION</p>
        )
      }
    </Loads>
  );
}

function Revisions({ endpoint }: { endpoint: string }) {
  const revisions = useApi<Page<Revision>>(fettle(path`/endpoints/${endpoint}/revisions`, { limit: 30 }));
  return (
    <Loads of={revisions}>
      {(data) => (
        <ol className="timeline">
          {data.items.map((r) => (
            <li key={r.id}>
              <span className="glyph tone-running" aria-hidden="true">
                ●
              </span>
              <div className="row spread">
                <span>
                  <b>{r.number}</b> <SplitText arms={r.traffic} />
                </span>
                <span className="when">
                  <Time ms={r.at_ms} />
                </span>
              </div>
              <div className="secondary">
                {r.reason}
                {r.by && <span className="muted"> · {r.by}</span>}
              </div>
            </li>
          ))}
        </ol>
      )}
    </Loads>
  );
}

function Predictions({ endpoint }: { endpoint: string }) {
  const [verdict, setVerdict] = useQueryState('verdict');
  const [labelled, setLabelled] = useQueryState('labelled');
  const [key, setKey] = useQueryState('key');
  const found = useApi<Page<PredictionSummary>>(
    fettle(path`/endpoints/${endpoint}/predictions`, { verdict, labelled, key, limit: 100 }),
  );
  return (
    <>
      <div className="row wrap" style={{ marginBottom: 12 }}>
        <input
          className="input mono"
          data-filter
          placeholder="key"
          aria-label="the caller's key"
          value={key}
          onChange={(e) => setKey(e.target.value)}
        />
        <select className="input" value={verdict} onChange={(e) => setVerdict(e.target.value)} aria-label="verdict">
          <option value="">any verdict</option>
          {['low_confidence', 'out_of_distribution', 'contract_warning', 'imputed', 'fallback'].map((v) => (
            <option key={v} value={v}>
              {v.replaceAll('_', ' ')}
            </option>
          ))}
        </select>
        <select className="input" value={labelled} onChange={(e) => setLabelled(e.target.value)} aria-label="label">
          <option value="">with and without label</option>
          <option value="true">labelled</option>
          <option value="false">not labelled</option>
        </select>
      </div>
      <Loads of={found}>
        {(data) =>
          data.items.length === 0 ? (
            <Empty title="No prediction matches">
              <p>Predictions appear here as they are logged, a moment after the answer.</p>
            </Empty>
          ) : (
            <Table
              label="predictions"
              rows={data.items}
              id={(p) => p.prediction_id}
              to={(p) => predictionPath(p.prediction_id)}
              columns={[
                {
                  key: 'id',
                  title: 'Prediction',
                  cell: (p) => <Id id={p.prediction_id} to={predictionPath(p.prediction_id)} />,
                },
                {
                  key: 'event',
                  title: 'Event time',
                  cell: (p) => <Time ms={p.event_time_ms} absolute />,
                  by: (p) => p.event_time_ms,
                },
                { key: 'key', title: 'Key', cell: (p) => <span className="mono">{p.key ?? '–'}</span> },
                {
                  key: 'version',
                  title: 'Version',
                  cell: (p) => `v${p.version}${p.arm === 'candidate' ? ' (candidate)' : ''}`,
                  by: (p) => p.version,
                },
                { key: 'score', title: 'Score', numeric: true, cell: (p) => fixed(p.score, 3), by: (p) => p.score },
                {
                  key: 'confidence',
                  title: 'Confidence',
                  numeric: true,
                  cell: (p) => fixed(p.confidence, 3),
                  by: (p) => p.confidence,
                },
                {
                  key: 'label',
                  title: 'Label',
                  numeric: true,
                  cell: (p) => p.label?.value ?? <span className="muted">–</span>,
                  by: (p) => p.label?.value,
                },
                {
                  key: 'verdicts',
                  title: 'Verdicts',
                  cell: (p) =>
                    p.verdicts.map((v) => (
                      <span key={v} className="chip tone-warning" style={{ marginRight: 4 }}>
                        {v.replaceAll('_', ' ')}
                      </span>
                    )),
                },
              ]}
              foot={`${count(data.items.length)} of ${count(data.total)}`}
            />
          )
        }
      </Loads>
    </>
  );
}

export function predictionPath(id: string) {
  const [head = '', row] = id.split('/');
  return path`/predictions/${head}` + (row ? `?row=${row}` : '');
}

function Contract({ name }: { name: string | null }) {
  const contract = useApi<Resource>(name ? fettle(path`/resources/Contract/${name}`) : null, 15000);
  if (!name)
    return (
      <Empty title="No contract" command={'kind: Contract\nname: flights\nspec:\n  range: warn\n  unseen: warn'}>
        <p>
          A contract checks each input against the training data: missing features, types, ranges, unseen categories.
        </p>
      </Empty>
    );
  return (
    <Loads of={contract}>
      {(c) => (
        <Panel title={name} aside={`generation ${c.generation}`}>
          <Facts of={[['changed', <Time key="t" ms={c.updated_at_ms} />]]} />
          <div style={{ height: 8 }} />
          <Spec value={c.spec} />
        </Panel>
      )}
    </Loads>
  );
}
