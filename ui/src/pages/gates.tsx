// "May this go live, and why not?"
import { fettle, useApi } from '../api';
import { count, duration, num, toNumber } from '../format';
import { Command, Empty, Facts, Id, Loads, PageHead, Panel, Status, Time, toneOf } from '../parts/basics';
import { Table } from '../parts/table';
import { Link, path, serverPrefix } from '../router';
import type { GateCheck, GateReport, Page } from '../types';

export function GatesPage() {
  const reports = useApi<Page<GateReport>>(fettle('/gate-reports', { limit: 200 }));
  return (
    <>
      <PageHead title="Gates" sub="The checks before a promotion: the release pipeline's quality gate, for a model." />
      <Loads of={reports} lines={6}>
        {(data) =>
          data.items.length === 0 ? (
            <Empty
              title="No gate has run yet"
              command="fettle validate flights-delay/2 --gate flights --monitor flights-monthly --report md"
            >
              <p>
                Declare a Gate in your platform files, then judge a candidate. The report also comes as Markdown and
                JUnit XML for CI.
              </p>
            </Empty>
          ) : (
            <Table
              label="gate reports"
              rows={data.items}
              id={(r) => r.id}
              to={(r) => path`/gates/${r.id}`}
              order="-when"
              columns={[
                {
                  key: 'verdict',
                  title: 'Verdict',
                  cell: (r) => <Status state={r.verdict} chip />,
                  by: (r) => r.verdict,
                },
                {
                  key: 'model',
                  title: 'Candidate',
                  cell: (r) => (
                    <Link to={path`/gates/${r.id}`}>
                      {r.model} v{r.candidate.version}
                    </Link>
                  ),
                  by: (r) => Number(r.candidate.version),
                },
                {
                  key: 'champion',
                  title: 'Against',
                  cell: (r) => (r.champion ? `v${r.champion.version}` : 'no champion'),
                },
                { key: 'reason', title: 'Reason', cell: (r) => r.reason },
                { key: 'rows', title: 'Rows', numeric: true, cell: (r) => count(r.data.rows) },
                { key: 'by', title: 'Asked by', cell: (r) => r.by },
                { key: 'when', title: 'When', cell: (r) => <Time ms={r.started_at_ms} />, by: (r) => r.started_at_ms },
              ]}
            />
          )
        }
      </Loads>
    </>
  );
}

const groups = ['integrity', 'data', 'performance', 'fairness', 'resources'];

export function GateReportPage({ id }: { id: string }) {
  const report = useApi<GateReport>(fettle(path`/gate-reports/${id}`), 0);
  return (
    <Loads of={report} lines={8}>
      {(r) => (
        <>
          <PageHead
            title={`${r.model} v${r.candidate.version}`}
            crumbs={`gate report of ${r.model} v${r.candidate.version}`}
            sub={
              <>
                judged by {r.gate} against {r.champion ? `v${r.champion.version}` : 'no champion'},{' '}
                <Time ms={r.started_at_ms} />, in {duration(r.took_ms)}
              </>
            }
            actions={
              <>
                <a className="button" href={`${serverPrefix}${fettle(path`/gate-reports/${id}`, { format: 'md' })}`}>
                  Markdown
                </a>
                <a className="button" href={`${serverPrefix}${fettle(path`/gate-reports/${id}`, { format: 'junit' })}`}>
                  JUnit XML
                </a>
                <Command text={`fettle api GET /gate-reports/${r.id}`} />
              </>
            }
          />
          <div
            className={`note ${{ ok: 'ok', warning: 'warning', danger: 'danger', running: '', none: '' }[toneOf(r.verdict)]}`}
            style={{ marginBottom: 20 }}
          >
            <Status state={r.verdict} text={r.verdict.toUpperCase().replace('_', ' ')} />{' '}
            <span style={{ marginLeft: 8 }}>{r.reason}</span>
          </div>
          <Facts
            of={[
              [
                'candidate',
                <Link key="c" to={path`/models/${r.model}/versions/${r.candidate.version}`}>
                  v{r.candidate.version}
                </Link>,
              ],
              [
                'run',
                r.candidate.run_id ? (
                  <Id key="r" id={r.candidate.run_id} to={path`/runs/${r.candidate.run_id}`} />
                ) : undefined,
              ],
              [
                'champion',
                r.champion ? (
                  <Link key="h" to={path`/models/${r.model}/versions/${r.champion.version}`}>
                    v{r.champion.version}
                  </Link>
                ) : (
                  'none yet'
                ),
              ],
              ['same rows for both', `${count(r.data.rows)} rows of ${r.data.source ?? ''}`],
              ['data hash', r.data.hash ? <code key="d">{r.data.hash}</code> : undefined],
              ['asked by', r.by],
            ]}
          />
          <div style={{ height: 20 }} />
          <Panel title={`Checks (${r.checks?.length ?? 0})`} aside="cheap ones first">
            <Checks checks={(r.checks ?? []).toSorted((x, y) => groups.indexOf(x.group) - groups.indexOf(y.group))} />
          </Panel>
        </>
      )}
    </Loads>
  );
}

function Checks({ checks }: { checks: GateCheck[] }) {
  return (
    <Table
      label="checks"
      rows={checks}
      id={(c) => c.group + c.name + (c.slice ?? '')}
      columns={[
        { key: 'verdict', title: 'Verdict', cell: (c) => <Status state={c.verdict} /> },
        { key: 'group', title: 'Group', cell: (c) => <span className="secondary">{c.group}</span> },
        {
          key: 'name',
          title: 'Check',
          cell: (c) => (
            <>
              {c.name}
              {c.slice ? <span className="muted"> · {c.slice}</span> : null}
            </>
          ),
        },
        { key: 'value', title: 'Candidate', numeric: true, cell: (c) => num(c.value) },
        { key: 'champion', title: 'Champion', numeric: true, cell: (c) => num(c.champion) },
        { key: 'difference', title: 'Difference', numeric: true, cell: (c) => signed(c.difference) },
        {
          key: 'interval',
          title: 'Interval and limit',
          cell: (c) => <Ruler interval={c.interval} value={c.difference} limit={c.threshold} />,
        },
        { key: 'threshold', title: 'Limit', numeric: true, cell: (c) => num(c.threshold) },
        { key: 'rows', title: 'n', numeric: true, cell: (c) => count(c.rows) },
        { key: 'message', title: '', cell: (c) => <span className="secondary">{c.message}</span> },
      ]}
    />
  );
}

export function signed(value: GateCheck['difference']) {
  const n = toNumber(value);
  return n === null ? '–' : `${n > 0 ? '+' : ''}${num(n)}`;
}

/** The interval of a difference on a ruler with zero and the limit. */
export function Ruler({
  interval,
  value,
  limit,
}: {
  interval?: GateCheck['interval'];
  value?: GateCheck['value'];
  limit?: GateCheck['threshold'];
}) {
  const low = toNumber(interval?.[0]);
  const high = toNumber(interval?.[1]);
  const middle = toNumber(value);
  const bound = toNumber(limit);
  if (low === null || high === null) return <span className="muted">–</span>;
  const reach = Math.max(Math.abs(low), Math.abs(high), Math.abs(bound ?? 0), 1e-12) * 1.15;
  const px = (v: number) => 80 + (v / reach) * 76;
  return (
    <svg
      width="160"
      height="20"
      viewBox="0 0 160 20"
      role="img"
      aria-label={`interval from ${num(low)} to ${num(high)}`}
    >
      <line x1="4" x2="156" y1="10" y2="10" stroke="var(--hairline)" />
      <line x1="80" x2="80" y1="4" y2="16" stroke="var(--control)" />
      {bound !== null && (
        <line
          x1={px(bound)}
          x2={px(bound)}
          y1="2"
          y2="18"
          stroke="var(--danger)"
          strokeDasharray="2 2"
          strokeWidth="1.5"
        />
      )}
      <line x1={px(low)} x2={px(high)} y1="10" y2="10" stroke="var(--accent)" strokeWidth="3" strokeLinecap="round" />
      {middle !== null && <circle cx={px(middle)} cy="10" r="3.5" fill="var(--accent)" />}
      <title>{`[${num(low)}, ${num(high)}], limit ${num(bound)}`}</title>
    </svg>
  );
}
