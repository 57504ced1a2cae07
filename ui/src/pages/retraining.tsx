// "Why did it (not) retrain?"
import type { ReactNode } from 'react';
import { fettle, useApi } from '../api';
import { count, dataId, date, duration, lineageOf, num, pageOf, words } from '../format';
import { Act } from '../parts/act';
import {
  Command,
  Empty,
  Facts,
  Figure,
  Id,
  Json,
  Loads,
  PageHead,
  Panel,
  Status,
  Tabs,
  Time,
  glyphOf,
  toneOf,
} from '../parts/basics';
import { Table } from '../parts/table';
import { Link, path, useQueryState } from '../router';
import type { Decision, Page, RetrainingPolicy, RetrainingRun } from '../types';
import { signed } from './gates';

export function RetrainingPage() {
  const [tab] = useQueryState('tab', 'timeline');
  const to = (key: string) => (key === 'timeline' ? '/retraining' : `/retraining?tab=${key}`);
  return (
    <>
      <PageHead
        title="Retraining"
        sub="Continuous training: which evidence started which run, what the gate said, and where it ended."
        actions={<Command text="fettle retrain decisions" />}
      />
      <Tabs
        of={[
          ['timeline', 'Timeline'],
          ['policies', 'Policies'],
          ['decisions', 'Decisions'],
        ]}
        current={tab}
        to={to}
      />
      {tab === 'timeline' && <TimelineTab />}
      {tab === 'policies' && <Policies />}
      {tab === 'decisions' && <Decisions />}
    </>
  );
}

function TimelineTab() {
  const runs = useApi<Page<RetrainingRun>>(fettle('/retraining/runs', { limit: 100 }), 3000);
  const decisions = useApi<Page<Decision>>(fettle('/decisions', { kind: 'retrain', limit: 100 }), 3000);
  return (
    <Loads of={runs} lines={8}>
      {(data) => {
        const entries: { at: number; key: string; node: ReactNode }[] = data.items.map((r) => ({
          at: r.started_at_ms,
          key: r.id,
          node: <RunEntry r={r} />,
        }));
        for (const d of decisions.data?.items ?? [])
          if (d.verdict !== 'start') entries.push({ at: d.at_ms, key: d.id, node: <DecisionEntry d={d} /> });
        entries.sort((a, b) => b.at - a.at);
        if (entries.length === 0)
          return (
            <Empty title="Nothing was retrained yet">
              <p>
                A RetrainPolicy starts its pipeline when one of its alerts fires. Start one by hand:{' '}
                <code>fettle retrain now NAME --reason TEXT</code>
              </p>
            </Empty>
          );
        return (
          <ol className="timeline">
            {entries.map((e) => (
              <li key={e.key}>{e.node}</li>
            ))}
          </ol>
        );
      }}
    </Loads>
  );
}

function RunEntry({ r }: { r: RetrainingRun }) {
  return (
    <>
      <span className={`glyph tone-${toneOf(r.state)}`} aria-hidden="true">
        {glyphOf(r.state)}
      </span>
      <div className="row spread wrap">
        <Link to={path`/retraining/runs/${r.id}`}>
          <b>
            {r.policy}: {words(r.state)}
          </b>
          {r.candidate && (
            <>
              {' '}
              · {r.model} v{r.candidate}
            </>
          )}
        </Link>
        <span className="when">
          <Time ms={r.started_at_ms} />
          {r.ended_at_ms ? ` · took ${duration(r.ended_at_ms - r.started_at_ms)}` : ''}
        </span>
      </div>
      <div>{r.reason}</div>
      <Chain r={r} />
    </>
  );
}

/** Alert → data → job → run → gate → rollout, each linked to its page. */
function Chain({ r }: { r: RetrainingRun }) {
  const links: ReactNode[] = [];
  if (r.alert)
    links.push(
      <Link key="a" to={path`/alerts/${r.alert}`}>
        alert {r.alert}
        {r.window ? ` in ${r.window}` : ''}
      </Link>,
    );
  if (r.data?.[0])
    links.push(
      <Link key="d" to={lineageOf(dataId(r.data[0].hash))}>
        data {r.data[0].hash.replace('md5:', '').slice(0, 8)}
      </Link>,
    );
  if (r.job)
    links.push(
      <Link key="j" to={path`/jobs/${r.job}`}>
        job
      </Link>,
    );
  if (r.run_id)
    links.push(
      <Link key="r" to={path`/runs/${r.run_id}`}>
        run {r.run_id.slice(0, 8)}
      </Link>,
    );
  if (r.gate_report)
    links.push(
      <Link key="g" to={path`/gates/${r.gate_report}`}>
        gate {r.gate_verdict ?? ''}
      </Link>,
    );
  if (r.rollout)
    links.push(
      <Link key="o" to={path`/rollouts/${r.rollout}`}>
        rollout
      </Link>,
    );
  return (
    <div className="row wrap" style={{ marginTop: 4 }}>
      {links.map((link, i) => (
        <span key={i} className="row">
          {i > 0 && (
            <span className="muted" aria-hidden="true">
              →
            </span>
          )}
          {link}
        </span>
      ))}
      {r.gain && (
        <span className="chip">
          {r.gain.metric} {num(r.gain.champion)} → {num(r.gain.candidate)} ({signed(r.gain.difference)})
        </span>
      )}
      {r.cost?.cpu_ms ? <span className="chip">cost {duration(r.cost.cpu_ms)} of CPU</span> : null}
    </div>
  );
}

function DecisionEntry({ d }: { d: Decision }) {
  return (
    <>
      <span className={`glyph tone-${toneOf(d.verdict)}`} aria-hidden="true">
        {glyphOf(d.verdict)}
      </span>
      <div className="row spread wrap">
        <Link to={path`/retraining/decisions/${d.id}`}>
          <b>
            {d.subject}: {d.verdict === 'block' ? 'not started' : words(d.verdict)}
          </b>
        </Link>
        <span className="when">
          <Time ms={d.at_ms} />
        </span>
      </div>
      <div className="secondary">{d.reason}</div>
    </>
  );
}

function Policies() {
  const policies = useApi<Page<RetrainingPolicy>>(fettle('/retraining/policies'));
  return (
    <Loads of={policies} lines={5}>
      {(data) =>
        data.items.length === 0 ? (
          <Empty title="No policy yet">
            <p>
              Declare a RetrainPolicy in your platform files and run <code>fettle apply -f DIR</code>.
            </p>
          </Empty>
        ) : (
          <>
            {data.items.map((p) => (
              <Policy key={p.name} p={p} reload={policies.reload} />
            ))}
          </>
        )
      }
    </Loads>
  );
}

function Policy({ p, reload }: { p: RetrainingPolicy; reload: () => void }) {
  const enough = p.new_labels >= p.min_new_labels;
  return (
    <Panel
      title={p.name}
      aside={
        <Status
          state={p.paused ? 'paused' : p.circuit === 'open' ? 'failed' : p.running ? 'running' : 'ok'}
          text={p.paused ? 'paused' : p.circuit === 'open' ? 'stopped itself' : p.running ? 'running' : 'watching'}
        />
      }
    >
      <div className="figures">
        <Figure
          value={<Link to={path`/endpoints/${p.endpoint}`}>{p.endpoint}</Link>}
          what={`endpoint, model ${p.model}`}
        />
        <Figure
          value={count(p.new_labels)}
          what={`new labels, ${count(p.min_new_labels)} needed`}
          tone={enough ? 'ok' : undefined}
        />
        <Figure value={p.cooldown_until_ms ? date(p.cooldown_until_ms) : 'over'} what="cool-down (by event time)" />
        <Figure value={count(p.rejections ?? 0)} what="rejected in a row" />
      </div>
      {p.last_decision && (
        <p style={{ marginBottom: 12 }}>
          <Status state={p.last_decision.verdict} />{' '}
          {p.last_decision.id ? (
            <Link to={path`/retraining/decisions/${p.last_decision.id}`}>{p.last_decision.reason}</Link>
          ) : (
            p.last_decision.reason
          )}{' '}
          {p.last_decision.at_ms ? (
            <span className="muted">
              <Time ms={p.last_decision.at_ms} />
            </span>
          ) : null}
        </p>
      )}
      <Act
        label="Run now"
        effect={`Starts the pipeline of ${p.name} without waiting for an alert or the cool-down. The gate still decides.`}
        url={fettle(path`/retraining/policies/${p.name}/run`)}
        disabled={p.running ? 'a run is in progress' : undefined}
        needsReason
        done={reload}
      />
    </Panel>
  );
}

function Decisions() {
  const [kind, setKind] = useQueryState('kind');
  const decisions = useApi<Page<Decision>>(fettle('/decisions', { kind, limit: 200 }));
  return (
    <>
      <div className="row" style={{ marginBottom: 12 }}>
        <select className="input" value={kind} onChange={(e) => setKind(e.target.value)} aria-label="kind of decision">
          <option value="">every kind</option>
          {['retrain', 'rollout', 'alert', 'gate'].map((k) => (
            <option key={k}>{k}</option>
          ))}
        </select>
      </div>
      <Loads of={decisions} lines={6}>
        {(data) => (
          <Table
            label="decisions"
            rows={data.items}
            id={(d) => d.id}
            to={(d) => path`/retraining/decisions/${d.id}`}
            order="-when"
            columns={[
              { key: 'kind', title: 'Kind', cell: (d) => d.kind, by: (d) => d.kind },
              {
                key: 'subject',
                title: 'About',
                cell: (d) => <Link to={path`/retraining/decisions/${d.id}`}>{d.subject}</Link>,
                by: (d) => d.subject,
              },
              {
                key: 'verdict',
                title: 'Verdict',
                cell: (d) => <Status state={d.verdict} chip />,
                by: (d) => d.verdict,
              },
              { key: 'reason', title: 'Reason', cell: (d) => d.reason },
              { key: 'when', title: 'When', cell: (d) => <Time ms={d.at_ms} />, by: (d) => d.at_ms },
            ]}
            foot={`${count(data.items.length)} of ${count(data.total)}`}
          />
        )}
      </Loads>
    </>
  );
}

export function RetrainingRunPage({ id }: { id: string }) {
  const run = useApi<RetrainingRun>(fettle(path`/retraining/runs/${id}`), 2000);
  return (
    <Loads of={run} lines={8}>
      {(r) => (
        <>
          <PageHead
            title={`Retraining ${r.policy}`}
            sub={
              <span className="row wrap">
                <Status state={r.state} chip />
                <span>
                  started <Time ms={r.started_at_ms} />
                </span>
              </span>
            }
            actions={<Command text={`fettle api GET /retraining/runs/${r.id}`} />}
          />
          <div
            className={`note ${{ ok: 'ok', danger: 'danger', warning: 'warning', running: '', none: '' }[toneOf(r.state)]}`}
            style={{ marginBottom: 16 }}
          >
            {r.reason}
          </div>
          <div className="columns">
            <Panel title="What happened">
              <ol className="timeline">
                {(r.transitions ?? []).map((t) => (
                  <li key={t.at_ms + t.to}>
                    <span className={`glyph tone-${toneOf(t.to)}`} aria-hidden="true">
                      {glyphOf(t.to)}
                    </span>
                    <div className="row spread">
                      <b>{words(t.to)}</b>
                      <span className="when">
                        <Time ms={t.at_ms} absolute />
                      </span>
                    </div>
                    <div className="secondary">{t.reason}</div>
                  </li>
                ))}
              </ol>
            </Panel>
            <Panel title="Evidence and result">
              <Facts
                of={[
                  [
                    'decision',
                    r.decision ? (
                      <Id key="d" id={r.decision} to={path`/retraining/decisions/${r.decision}`} />
                    ) : (
                      'by hand'
                    ),
                  ],
                  [
                    'alert',
                    r.alert ? (
                      <Link key="a" to={path`/alerts/${r.alert}`}>
                        {r.alert}
                      </Link>
                    ) : undefined,
                  ],
                  ['window', r.window ?? undefined],
                  [
                    'data',
                    (r.data ?? []).map((d) => (
                      <div key={d.path}>
                        {d.path}{' '}
                        <Link className="mono" to={lineageOf(dataId(d.hash))}>
                          {d.hash.replace('md5:', '').slice(0, 12)}
                        </Link>
                      </div>
                    )),
                  ],
                  ['job', r.job ? <Id key="j" id={r.job} to={path`/jobs/${r.job}`} /> : undefined],
                  ['training run', r.run_id ? <Id key="r" id={r.run_id} to={path`/runs/${r.run_id}`} /> : undefined],
                  [
                    'candidate',
                    r.candidate ? (
                      <Link key="c" to={path`/models/${r.model}/versions/${r.candidate}`}>
                        {r.model} v{r.candidate}
                      </Link>
                    ) : undefined,
                  ],
                  [
                    'gate',
                    r.gate_report ? (
                      <Link key="g" to={path`/gates/${r.gate_report}`}>
                        {r.gate_verdict ?? 'report'}
                      </Link>
                    ) : undefined,
                  ],
                  ['rollout', r.rollout ? <Id key="o" id={r.rollout} to={path`/rollouts/${r.rollout}`} /> : undefined],
                  [
                    'cost',
                    r.cost
                      ? `${duration(r.cost.cpu_ms)} of CPU, ${duration(r.cost.wall_ms)} in all${r.cost.training_rows ? `, ${count(r.cost.training_rows)} rows` : ''}`
                      : undefined,
                  ],
                  [
                    'gain',
                    r.gain
                      ? `${r.gain.metric} ${num(r.gain.champion)} → ${num(r.gain.candidate)} (${signed(r.gain.difference)})`
                      : undefined,
                  ],
                  [
                    'lineage',
                    <Link key="l" to={`/lineage?id=${encodeURIComponent(`retraining-run/${r.id}`)}`}>
                      show
                    </Link>,
                  ],
                ]}
              />
            </Panel>
          </div>
        </>
      )}
    </Loads>
  );
}

export function DecisionPage({ id }: { id: string }) {
  const decision = useApi<Decision>(fettle(path`/decisions/${id}`), 0);
  return (
    <Loads of={decision} lines={8}>
      {(d) => (
        <>
          <PageHead
            title={`${d.subject}: ${words(d.verdict)}`}
            sub={
              <span className="row wrap">
                <Status state={d.verdict} chip />
                <span>{d.kind}</span>
                <Time ms={d.at_ms} absolute />
                {d.policy_generation ? <span className="muted">policy generation {d.policy_generation}</span> : null}
              </span>
            }
          />
          <div className="note" style={{ marginBottom: 16 }}>
            {d.reason}
          </div>
          <div className="columns">
            <Panel title="What it saw" aside="the same observations and policy give the same verdict">
              <Json value={d.observations ?? {}} />
            </Panel>
            <Panel title="What it caused">
              {(d.effects ?? []).length === 0 ? (
                <p className="muted">nothing</p>
              ) : (
                <ul className="stack">
                  {d.effects?.map((e) => {
                    const to = pageOf(e);
                    return <li key={e}>{to ? <Link to={to}>{e}</Link> : e}</li>;
                  })}
                </ul>
              )}
              <p style={{ marginTop: 12 }}>
                <Link to={`/lineage?id=${encodeURIComponent(`decision/${d.id}`)}`}>lineage of this decision</Link>
              </p>
            </Panel>
          </div>
        </>
      )}
    </Loads>
  );
}
