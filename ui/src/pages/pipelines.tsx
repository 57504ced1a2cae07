// One executed stage: what went in, what came out, by which command.
import { fettle, useApi } from '../api';
import { bytes, duration } from '../format';
import { Command, Facts, Id, Loads, PageHead, Panel, Spec, Time } from '../parts/basics';
import { LineageView } from '../parts/lineage';
import { Table } from '../parts/table';
import { Link, path } from '../router';
import type { PipelineFile, PipelineRun } from '../types';

export function PipelineRunPage({ id }: { id: string }) {
  const run = useApi<PipelineRun>(fettle(path`/pipeline-runs/${id}`), 0);
  return (
    <Loads of={run} lines={8}>
      {(r) => (
        <>
          <PageHead
            title={`Stage ${r.stage}`}
            sub={
              <>
                ran <Time ms={r.started_at_ms} />, took {duration(r.ended_at_ms - r.started_at_ms)}
              </>
            }
            actions={<Command text={`fettle lineage pipeline-run/${id}`} />}
          />
          <Facts
            of={[
              ['command', <code key="c">{r.command}</code>],
              ['directory', <code key="d">{r.directory}</code>],
              ['commit', r.git_commit ? <code key="g">{r.git_commit.slice(0, 12)}</code> : undefined],
              ['job', r.job ? <Id key="j" id={r.job} to={path`/jobs/${r.job}`} /> : undefined],
            ]}
          />
          <div style={{ height: 20 }} />
          <div className="columns">
            <Panel title={`Inputs (${r.inputs.length})`}>
              <Files files={r.inputs} label="inputs" />
            </Panel>
            <Panel title={`Outputs (${r.outputs.length})`}>
              <Files files={r.outputs} label="outputs" />
            </Panel>
          </div>
          {Object.keys(r.params ?? {}).length > 0 && (
            <Panel title="Parameters">
              <Spec value={r.params} />
            </Panel>
          )}
          <Panel title="Lineage">
            <LineageView id={`pipeline-run/${id}`} maxHeight={420} command={false} />
          </Panel>
        </>
      )}
    </Loads>
  );
}

function Files({ files, label }: { files: PipelineFile[]; label: string }) {
  if (files.length === 0) return <p className="muted">none</p>;
  return (
    <Table
      label={label}
      rows={files.slice(0, 500)}
      id={(f) => f.path}
      columns={[
        { key: 'path', title: 'Path', cell: (f) => f.path, by: (f) => f.path },
        { key: 'hash', title: 'Version', cell: (f) => <Hash hash={f.hash} /> },
        { key: 'size', title: 'Size', numeric: true, cell: (f) => bytes(f.size_bytes), by: (f) => f.size_bytes },
      ]}
      foot={files.length > 500 ? `the first 500 of ${files.length}` : undefined}
    />
  );
}

function Hash({ hash }: { hash: string }) {
  if (!hash) return <span className="muted">not versioned</span>;
  return (
    <Link className="mono" to={`/lineage?id=${encodeURIComponent(hash)}`} title={hash}>
      {hash.replace(/^md5:/, '').slice(0, 12)}
    </Link>
  );
}
