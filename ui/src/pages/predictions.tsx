// One prediction: what came in, who answered, what was true, and what made it.
import { fettle, useApi } from '../api';
import { fixed, num } from '../format';
import { Command, Copy, Facts, Figure, Id, Json, Loads, PageHead, Panel, Time } from '../parts/basics';
import { LineageView } from '../parts/lineage';
import { Link, path, useQueryState } from '../router';
import type { Prediction, PredictionRow } from '../types';

export function PredictionPage({ id }: { id: string }) {
  const [row] = useQueryState('row', '0');
  const prediction = useApi<Prediction>(fettle(path`/predictions/${id}`, { row }), 10000);
  return (
    <Loads of={prediction} lines={8}>
      {(p) => {
        const shown = p.rows.find((r) => String(r.row) === row) ?? p.rows[0];
        return <View p={p} row={shown} id={id} />;
      }}
    </Loads>
  );
}

function View({ p, row, id }: { p: Prediction; row: PredictionRow | undefined; id: string }) {
  const [, setRow] = useQueryState('row', '0');
  const full = `${id}/${row?.row ?? 0}`;
  return (
    <>
      <PageHead
        title={
          <span className="mono" style={{ fontSize: 18 }}>
            {full}
          </span>
        }
        crumbs={`prediction ${full}`}
        sub={
          <span className="row wrap">
            <Copy text={full} />
            <span>
              by{' '}
              <Link to={path`/models/${p.model}/versions/${p.version}`}>
                {p.model} v{p.version}
              </Link>{' '}
              ({p.arm}) on <Link to={path`/endpoints/${p.endpoint}`}>{p.endpoint}</Link>
            </span>
            <Time ms={p.at_ms} absolute />
          </span>
        }
        actions={<Command text={`fettle lineage prediction/${full}`} />}
      />
      {p.rows_total > 1 && (
        <div className="row" style={{ marginBottom: 12 }}>
          <button
            type="button"
            className="button"
            disabled={(row?.row ?? 0) <= 0}
            onClick={() => setRow(String((row?.row ?? 0) - 1))}
          >
            previous row
          </button>
          <span>
            row {row?.row ?? 0} of {p.rows_total}
          </span>
          <button
            type="button"
            className="button"
            disabled={(row?.row ?? 0) >= p.rows_total - 1}
            onClick={() => setRow(String((row?.row ?? 0) + 1))}
          >
            next row
          </button>
        </div>
      )}
      {row && <Row p={p} row={row} />}
      <Panel title="Lineage">
        <LineageView id={`prediction/${full}`} maxHeight={420} command={false} />
      </Panel>
    </>
  );
}

function Row({ p, row }: { p: Prediction; row: PredictionRow }) {
  const features = Object.entries(row.features);
  return (
    <>
      <div className="figures">
        <Figure value={fixed(row.score, 3)} what="score (positive class)" />
        <Figure value={fixed(row.confidence, 3)} what="confidence" />
        <Figure value={row.label ? row.label.value : 'not yet'} what="label" />
        <Figure
          value={`${num(p.latency_ms?.total, 3)} ms`}
          what={`latency, ${num(p.latency_ms?.model, 3)} ms in the model`}
        />
      </div>
      {row.verdicts.length > 0 && (
        <div className="note warning" style={{ marginBottom: 16 }}>
          {row.verdicts.map((v) => v.replaceAll('_', ' ')).join(' · ')}
          {row.warnings?.length ? `: ${row.warnings.join(', ')}` : ''}
        </div>
      )}
      <div className="columns">
        <Panel title={`Features (${features.length})`}>
          <Facts
            of={features.map(([k, v]) => [
              k,
              v === null ? (
                <span key={k} className="muted">
                  missing
                </span>
              ) : (
                <span key={k} className="mono">
                  {typeof v === 'number' ? num(v, 6) : String(v)}
                </span>
              ),
            ])}
          />
        </Panel>
        <Panel title="Answer and truth">
          <Facts
            of={[
              ['event time', <Time key="e" ms={row.event_time_ms ?? p.event_time_ms} absolute />],
              ['key', row.key ?? undefined],
              ['run', p.run_id ? <Id key="r" id={p.run_id} to={path`/runs/${p.run_id}`} /> : undefined],
              ['revision', p.revision ?? undefined],
              ['fallback', p.fallback ?? 'not used'],
              ['out of distribution p', row.ood === undefined || row.ood === null ? undefined : num(row.ood, 3)],
              [
                'label',
                row.label ? (
                  <span key="l">
                    {row.label.value}, known <Time ms={row.label.observed_at_ms} absolute />, joined by{' '}
                    {row.label.by?.replaceAll('_', ' ')}
                  </span>
                ) : (
                  'not posted yet'
                ),
              ],
            ]}
          />
          <h3 style={{ margin: '12px 0 6px' }}>Outputs</h3>
          <Json value={row.outputs} />
        </Panel>
      </div>
    </>
  );
}
