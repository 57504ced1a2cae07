// "Did it run, why did it end, what did it print?"
import { useEffect, useRef, useState } from 'react';
import { ApiError, fettle, request, useApi } from '../api';
import { bytes, duration, words } from '../format';
import { Act } from '../parts/act';
import { Command, Empty, Facts, Failed, Loads, PageHead, Panel, Status, Time } from '../parts/basics';
import { Table } from '../parts/table';
import { Link, path } from '../router';
import type { Job, Page } from '../types';

export function JobsPage() {
  const jobs = useApi<Page<Job>>(fettle('/jobs', { limit: 200 }), 3000);
  return (
    <>
      <PageHead title="Jobs" sub="Commands that the server ran: training, pipelines, retraining." />
      <Loads of={jobs} lines={6}>
        {(data) =>
          data.items.length === 0 ? (
            <Empty title="No job yet" command="fettle jobs submit --directory . -- python train.py">
              <p>
                Jobs run on this host with logs, a timeout and limits; stock <code>mlflow</code> code inside logs to
                this server.
              </p>
            </Empty>
          ) : (
            <Table
              label="jobs"
              rows={data.items}
              id={(j) => j.id}
              to={(j) => path`/jobs/${j.id}`}
              order="-created"
              columns={[
                { key: 'state', title: 'State', cell: (j) => <Status state={j.state} chip />, by: (j) => j.state },
                {
                  key: 'name',
                  title: 'Job',
                  cell: (j) => <Link to={path`/jobs/${j.id}`}>{j.name || j.id}</Link>,
                  by: (j) => j.name,
                },
                {
                  key: 'command',
                  title: 'Command',
                  cell: (j) => (
                    <code
                      className="clip"
                      style={{ maxWidth: 360, display: 'inline-block', verticalAlign: 'bottom' }}
                      title={j.command.join(' ')}
                    >
                      {j.command.join(' ')}
                    </code>
                  ),
                },
                { key: 'reason', title: 'Why', cell: (j) => <span className="secondary">{j.reason}</span> },
                {
                  key: 'took',
                  title: 'Took',
                  numeric: true,
                  cell: (j) => (j.started_at_ms ? duration((j.ended_at_ms ?? Date.now()) - j.started_at_ms) : '–'),
                },
                { key: 'cpu', title: 'CPU', numeric: true, cell: (j) => duration(j.cpu_ms), by: (j) => j.cpu_ms },
                {
                  key: 'memory',
                  title: 'Peak memory',
                  numeric: true,
                  cell: (j) => bytes(j.peak_memory_bytes),
                  by: (j) => j.peak_memory_bytes,
                },
                {
                  key: 'created',
                  title: 'Submitted',
                  cell: (j) => <Time ms={j.created_at_ms} />,
                  by: (j) => j.created_at_ms,
                },
              ]}
            />
          )
        }
      </Loads>
    </>
  );
}

export function JobPage({ id }: { id: string }) {
  const job = useApi<Job>(fettle(path`/jobs/${id}`), 2000);
  return (
    <Loads of={job} lines={6}>
      {(j) => {
        const ended = !['queued', 'running'].includes(j.state);
        return (
          <>
            <PageHead
              title={j.name || j.id}
              sub={
                <span className="row wrap">
                  <Status state={j.state} chip />
                  <span>{j.reason}</span>
                </span>
              }
              actions={
                <>
                  <Act
                    label="Cancel"
                    tone="danger"
                    effect="The job's processes get a signal to stop, and are killed if they do not."
                    url={fettle(path`/jobs/${id}/cancel`)}
                    disabled={ended ? `the job is ${words(j.state)}` : undefined}
                    done={job.reload}
                  />
                  <Command text={`fettle jobs logs ${j.id}`} />
                </>
              }
            />
            <Facts
              of={[
                ['command', <code key="c">{j.command.join(' ')}</code>],
                ['directory', <code key="d">{j.directory}</code>],
                ['submitted', <Time key="s" ms={j.created_at_ms} absolute />],
                ['took', j.started_at_ms ? duration((j.ended_at_ms ?? Date.now()) - j.started_at_ms) : 'not started'],
                ['exit', j.exit_code ?? (j.signal ? `signal ${j.signal}` : undefined)],
                ['CPU', j.cpu_ms === undefined || j.cpu_ms === null ? undefined : duration(j.cpu_ms)],
                ['peak memory', j.peak_memory_bytes ? bytes(j.peak_memory_bytes) : undefined],
                [
                  'retraining',
                  j.retraining_run ? (
                    <Link key="r" to={path`/retraining/runs/${j.retraining_run}`}>
                      {j.retraining_run}
                    </Link>
                  ) : undefined,
                ],
              ]}
            />
            <div style={{ height: 20 }} />
            <Panel title="Log">
              <Log id={id} />
            </Panel>
          </>
        );
      }}
    </Loads>
  );
}

const kKeep = 400_000;

/** Follows the log by byte offset until the job is over; keeps the last 400,000 characters. */
function Log({ id }: { id: string }) {
  const [text, setText] = useState('');
  const [cut, setCut] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const [end, setEnd] = useState(false);
  const box = useRef<HTMLPreElement>(null);
  useEffect(() => {
    const abort = new AbortController();
    const follow = async () => {
      let offset = 0;
      let all = '';
      while (!abort.signal.aborted) {
        const piece = await request<{ next_offset: number; text: string; end: boolean }>(
          'GET',
          fettle(path`/jobs/${id}/logs`, { offset, limit: 262144, wait_ms: offset ? 5000 : 0 }),
          undefined,
          abort.signal,
        );
        const idle = piece.next_offset === offset;
        offset = piece.next_offset;
        all += piece.text;
        if (all.length > kKeep) {
          all = all.slice(-kKeep);
          setCut(true);
        }
        setText(all);
        if (piece.end) {
          setEnd(true);
          return;
        }
        if (idle) await new Promise((done) => window.setTimeout(done, 1000));
      }
    };
    follow().catch((cause: unknown) => {
      if (!abort.signal.aborted) setError(cause instanceof ApiError ? cause : new ApiError(String(cause), 0));
    });
    return () => abort.abort();
  }, [id]);
  useEffect(() => {
    const element = box.current;
    if (element && element.scrollHeight - element.scrollTop - element.clientHeight < 200)
      element.scrollTop = element.scrollHeight;
  }, [text]);
  if (error) return <Failed error={error} />;
  return (
    <>
      {cut && <p className="muted">the beginning is left out here: fettle jobs logs {id}</p>}
      <pre className="block log" ref={box} tabIndex={0} aria-label="log">
        {text || (end ? 'it printed nothing' : 'nothing printed yet')}
      </pre>
      {!end && <p className="table-foot">following</p>}
    </>
  );
}
