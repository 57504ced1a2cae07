// "Is the candidate safe, what happens next, how do I stop it?"
import { useState } from 'react';
import { fettle, useApi } from '../api';
import { clock, count, date, duration, num, percent, weight, words } from '../format';
import { Act } from '../parts/act';
import {
  Command,
  Empty,
  Facts,
  Figure,
  Json,
  Loads,
  PageHead,
  Panel,
  Status,
  Time,
  glyphOf,
  toneOf,
} from '../parts/basics';
import { SplitBar } from '../parts/split';
import { Table } from '../parts/table';
import { Link, path } from '../router';
import type { Check, Page, Rollout, RolloutEvent } from '../types';
import { Ruler, signed } from './gates';

export function RolloutsPage() {
  const rollouts = useApi<Page<Rollout>>(fettle('/rollouts', { limit: 200 }));
  return (
    <>
      <PageHead
        title="Rollouts"
        sub="A canary release of a model version: more traffic step by step, back by itself when it is worse."
      />
      <Loads of={rollouts} lines={6}>
        {(data) =>
          data.items.length ? (
            <RolloutRows rollouts={data.items} withEndpoint />
          ) : (
            <Empty title="No rollout yet" command="fettle rollout start flights --candidate flights-delay/2">
              <p>A rollout shifts an endpoint's traffic to a candidate and watches it.</p>
            </Empty>
          )
        }
      </Loads>
    </>
  );
}

export function RolloutRows({ rollouts, withEndpoint = false }: { rollouts: Rollout[]; withEndpoint?: boolean }) {
  return (
    <Table
      label="rollouts"
      rows={rollouts}
      id={(r) => r.id}
      to={(r) => path`/rollouts/${r.id}`}
      order="-started"
      columns={[
        { key: 'state', title: 'State', cell: (r) => <Status state={r.state} chip />, by: (r) => r.state },
        ...(withEndpoint
          ? [
              {
                key: 'endpoint',
                title: 'Endpoint',
                cell: (r: Rollout) => <Link to={path`/endpoints/${r.endpoint}`}>{r.endpoint}</Link>,
                by: (r: Rollout) => r.endpoint,
              },
            ]
          : []),
        {
          key: 'what',
          title: 'Versions',
          cell: (r) => (
            <Link to={path`/rollouts/${r.id}`}>
              {r.stable ? `v${r.stable}` : 'none'} → v{r.candidate}
            </Link>
          ),
        },
        { key: 'step', title: 'Steps', cell: (r) => <StepGlyphs r={r} /> },
        {
          key: 'served',
          title: 'Candidate served',
          numeric: true,
          cell: (r) => count(r.candidate_rows),
          by: (r) => r.candidate_rows,
        },
        {
          key: 'reason',
          title: 'Why',
          cell: (r) => (
            <span className="secondary">
              {r.reason}
              {r.override_gate && (
                <span className="chip tone-warning" style={{ marginLeft: 6 }}>
                  gate overridden
                </span>
              )}
            </span>
          ),
        },
        { key: 'by', title: 'By', cell: (r) => r.by },
        { key: 'started', title: 'Started', cell: (r) => <Time ms={r.started_at_ms} />, by: (r) => r.started_at_ms },
        {
          key: 'took',
          title: 'Took',
          numeric: true,
          cell: (r) => (r.ended_at_ms ? duration(r.ended_at_ms - r.started_at_ms) : '–'),
        },
      ]}
    />
  );
}

const over = (state: string) => ['succeeded', 'rolled_back', 'failed', 'superseded'].includes(state);
const bad = (state: string) => ['rolled_back', 'failed', 'aborting'].includes(state);

function stepState(r: Rollout, i: number): 'done' | 'now' | 'failed' | '' {
  if (r.state === 'succeeded' || i < r.step) return 'done';
  if (i > r.step) return '';
  return bad(r.state) ? 'failed' : over(r.state) ? '' : 'now';
}
const stepGlyph = { done: '✓', now: '●', failed: '✗', '': '○' };

function StepGlyphs({ r }: { r: Rollout }) {
  return (
    <span className="row nowrap" style={{ gap: 6 }}>
      {r.steps.map((s, i) => {
        const state = stepState(r, i);
        return (
          <span
            key={i}
            className={
              state === 'done'
                ? 'tone-ok'
                : state === 'failed'
                  ? 'tone-danger'
                  : state === 'now'
                    ? 'tone-running'
                    : 'muted'
            }
          >
            {stepGlyph[state]} {weight(s.weight_percent)}
          </span>
        );
      })}
    </span>
  );
}

export function RolloutPage({ id }: { id: string }) {
  const loaded = useApi<Rollout>(fettle(path`/rollouts/${id}`), 2000);
  return (
    <Loads of={loaded} lines={8}>
      {(r) => <View r={r} reload={loaded.reload} />}
    </Loads>
  );
}

function View({ r, reload }: { r: Rollout; reload: () => void }) {
  const model = r.model ?? r.endpoint;
  return (
    <>
      <PageHead
        title={`${model} ${r.stable ? `v${r.stable} → ` : ''}v${r.candidate}`}
        crumbs={`rollout of ${model} v${r.candidate}`}
        sub={
          <span className="row wrap">
            <Status state={r.state} chip />
            <span>
              on <Link to={path`/endpoints/${r.endpoint}`}>{r.endpoint}</Link>
            </span>
            <span>
              started <Time ms={r.started_at_ms} />
              {r.by ? ` by ${r.by}` : ''}
            </span>
            <span className="muted">generation {r.generation}</span>
          </span>
        }
        actions={<Command text={`fettle rollout status ${r.id}`} />}
      />
      <div
        className={`note ${{ ok: 'ok', danger: 'danger', warning: 'warning', running: '', none: '' }[toneOf(r.state)]}`}
      >
        {r.reason || words(r.state)}
      </div>
      {r.override_gate && (
        <div className="note warning">
          <b>The gate was overridden:</b> {r.override_gate.reason}
        </div>
      )}
      <div style={{ height: 16 }} />
      <Controls r={r} reload={reload} />
      <Panel title="Steps">
        <ol className="steps">
          {r.steps.map((s, i) => {
            const state = stepState(r, i);
            return (
              <li key={i} className={state} aria-current={state === 'now' ? 'step' : undefined}>
                <span aria-hidden="true">{stepGlyph[state]}</span>
                {weight(s.weight_percent)}
                {s.min_rows ? (
                  <span className="muted" style={{ fontWeight: 400 }}>
                    after {count(s.min_rows)} rows
                  </span>
                ) : null}
              </li>
            );
          })}
        </ol>
      </Panel>
      <div className="columns">
        <Panel title="Traffic now">
          <SplitBar
            arms={[
              { arm: 'candidate', version: r.candidate, weight_percent: r.weight_percent },
              { arm: 'stable', version: r.stable ?? '–', weight_percent: 100 - r.weight_percent },
            ]}
          />
          <div className="figures" style={{ marginTop: 12 }}>
            <Figure value={count(r.candidate_rows)} what={`predictions by v${r.candidate} (candidate)`} />
            <Figure value={count(r.stable_rows)} what={`predictions by v${r.stable ?? '–'} (stable)`} />
            {(r.candidate_rows ?? 0) + (r.stable_rows ?? 0) > 0 && (
              <Figure
                value={percent((r.candidate_rows ?? 0) / ((r.candidate_rows ?? 0) + (r.stable_rows ?? 0)))}
                what="observed share of the candidate"
              />
            )}
          </div>
        </Panel>
        <Panel title="What is known">
          <Facts
            of={[
              [
                'gate report',
                r.gate_report ? (
                  <Link key="g" to={path`/gates/${r.gate_report}`}>
                    {r.gate_report}
                  </Link>
                ) : (
                  'none'
                ),
              ],
              [
                'candidate',
                <Link key="c" to={path`/models/${model}/versions/${r.candidate}`}>
                  {model} v{r.candidate}
                </Link>,
              ],
              ['ended', r.ended_at_ms ? <Time key="t" ms={r.ended_at_ms} absolute /> : undefined],
              ['took', r.ended_at_ms ? duration(r.ended_at_ms - r.started_at_ms) : undefined],
              [
                'lineage',
                <Link key="l" to={`/lineage?id=${encodeURIComponent(`rollout/${r.id}`)}`}>
                  show
                </Link>,
              ],
            ]}
          />
        </Panel>
      </div>
      {(r.checks ?? []).length > 0 && (
        <Panel title="Checks of this step">
          <Checks checks={r.checks ?? []} />
        </Panel>
      )}
      <Panel title="History" aside="each transition with what was measured">
        <History events={r.history ?? []} />
      </Panel>
    </>
  );
}

function Controls({ r, reload }: { r: Rollout; reload: () => void }) {
  const url = (verb: string) => fettle(path`/rollouts/${r.id}/` + verb);
  const body = { generation: r.generation };
  const done = over(r.state) ? `the rollout is ${words(r.state)}` : undefined;
  const next = r.steps[r.step + 1];
  return (
    <div className="row wrap" style={{ marginBottom: 16 }}>
      {r.state === 'paused' ? (
        <Act label="Resume" effect="The step goes on where it stopped." url={url('resume')} body={body} done={reload} />
      ) : (
        <Act
          label="Pause"
          effect={`Traffic stays at ${weight(r.weight_percent)} for v${r.candidate} until somebody resumes.`}
          url={url('pause')}
          body={body}
          disabled={done}
          done={reload}
        />
      )}
      <Act
        label="Promote one step"
        effect={
          next
            ? `${weight(r.weight_percent)} → ${weight(next.weight_percent)} on v${r.candidate} at once, without waiting for the checks of this step.`
            : `v${r.candidate} becomes the champion.`
        }
        url={url('promote')}
        body={body}
        disabled={done}
        done={reload}
      />
      <Act
        label="Promote fully"
        effect={`${weight(r.weight_percent)} → 100 % on v${r.candidate} at once.`}
        url={url('promote')}
        body={{ ...body, full: true }}
        disabled={done}
        done={reload}
      />
      <Act
        label="Abort"
        tone="danger"
        effect={`v${r.stable ?? '–'} gets 100 % at once; v${r.candidate} answers no more requests.`}
        url={url('abort')}
        body={body}
        disabled={done}
        done={reload}
      />
      <Act
        label="Roll back"
        tone="danger"
        effect={`v${r.stable ?? '–'} serves everything again, and the alias goes back to it.`}
        url={url('rollback')}
        body={body}
        needsReason
        disabled={r.state === 'rolled_back' || r.state === 'failed' ? done : undefined}
        done={reload}
      />
    </div>
  );
}

function Checks({ checks }: { checks: Check[] }) {
  return (
    <Table
      label="checks"
      rows={checks}
      id={(c) => c.name}
      columns={[
        { key: 'verdict', title: 'Verdict', cell: (c) => <Status state={c.verdict} /> },
        { key: 'name', title: 'Metric', cell: (c) => words(c.name) },
        { key: 'stable', title: 'Stable', numeric: true, cell: (c) => num(c.stable) },
        { key: 'candidate', title: 'Candidate', numeric: true, cell: (c) => num(c.candidate) },
        { key: 'difference', title: 'Difference', numeric: true, cell: (c) => signed(c.difference) },
        {
          key: 'interval',
          title: 'Interval',
          cell: (c) => <Ruler interval={c.interval} value={c.difference} limit={c.limit} />,
        },
        { key: 'limit', title: 'Limit', numeric: true, cell: (c) => num(c.limit) },
        { key: 'rows', title: 'n', numeric: true, cell: (c) => count(c.rows) },
        { key: 'message', title: '', cell: (c) => <span className="secondary">{c.message}</span> },
      ]}
    />
  );
}

function History({ events }: { events: RolloutEvent[] }) {
  if (events.length === 0) return <p className="muted">no transition yet</p>;
  return (
    <ol className="timeline">
      {events.toReversed().map((e) => (
        <HistoryEvent key={`${e.at_ms}${e.to}${e.step}`} event={e} />
      ))}
    </ol>
  );
}

function HistoryEvent({ event: e }: { event: RolloutEvent }) {
  const [open, setOpen] = useState(false);
  const seen = Object.keys(e.observations ?? {}).length > 0;
  return (
    <li>
      <span className={`glyph tone-${toneOf(e.to)}`} aria-hidden="true">
        {glyphOf(e.to)}
      </span>
      <div className="row spread wrap">
        <span>
          <b>{words(e.to)}</b> at {weight(e.weight_percent)}
        </span>
        <span className="when" title={date(e.at_ms)}>
          {clock(e.at_ms)} · <Time ms={e.at_ms} />
        </span>
      </div>
      <div>{e.reason}</div>
      <div className="row muted">
        by {e.by || 'the server'}
        {e.decision && <Link to={path`/retraining/decisions/${e.decision}`}>decision</Link>}
        {seen && (
          <button type="button" className="button quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? 'hide what it saw' : 'what it saw'}
          </button>
        )}
      </div>
      {open && <Json value={e.observations} />}
    </li>
  );
}
