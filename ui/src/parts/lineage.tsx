// The answer of /lineage as a graph or as a list, with how far to look each way.
import { fettle, useApi } from '../api';
import { pageOf, words } from '../format';
import { Link, useQueryState } from '../router';
import type { Lineage } from '../types';
import { Command, Loads, Segmented, Time } from './basics';
import { Graph, attributeText, nodeName } from './graph';

export function LineageView({ id, maxHeight, command = true }: { id: string; maxHeight?: number; command?: boolean }) {
  const [view, setView] = useQueryState('view', 'graph');
  const [up, setUp] = useQueryState('up', '6');
  const [down, setDown] = useQueryState('down', '4');
  const lineage = useApi<Lineage>(fettle('/lineage', { id, up, down }), 15000);
  const depths = ['0', '1', '2', '4', '6', '20'];
  return (
    <>
      <div className="row wrap spread" style={{ marginBottom: 10 }}>
        <div className="row wrap">
          <Segmented
            label="view"
            of={[
              ['graph', 'Graph'],
              ['list', 'List'],
            ]}
            value={view}
            onChange={setView}
          />
          <label className="row">
            causes{' '}
            <select className="input" value={up} onChange={(e) => setUp(e.target.value)}>
              {depths.map((d) => (
                <option key={d} value={d}>
                  {d === '20' ? 'all' : d}
                </option>
              ))}
            </select>
          </label>
          <label className="row">
            effects{' '}
            <select className="input" value={down} onChange={(e) => setDown(e.target.value)}>
              {depths.map((d) => (
                <option key={d} value={d}>
                  {d === '20' ? 'all' : d}
                </option>
              ))}
            </select>
          </label>
        </div>
        {command && <Command text={`fettle lineage ${id}`} />}
      </div>
      <Loads of={lineage} height={40}>
        {(data) => (
          <>
            {view === 'list' ? <LineageList graph={data} /> : <Graph graph={data} maxHeight={maxHeight} />}
            <div className="table-foot">
              {data.nodes.length} objects, {data.edges.length} links
              {data.truncated && (
                <span className="tone-warning"> · cut at the limit: look less far, or start nearer</span>
              )}{' '}
              · causes on the left, effects on the right
            </div>
          </>
        )}
      </Loads>
    </>
  );
}

function LineageList({ graph }: { graph: Lineage }) {
  const nodes = graph.nodes.toSorted((a, b) => a.depth - b.depth || a.kind.localeCompare(b.kind));
  return (
    <div className="table-wrap">
      <table className="table" aria-label="lineage">
        <thead>
          <tr>
            <th className="num">steps</th>
            <th>kind</th>
            <th>object</th>
            <th>state</th>
            <th>when</th>
            <th>more</th>
          </tr>
        </thead>
        <tbody>
          {nodes.map((n) => {
            const to = pageOf(n.id);
            return (
              <tr key={n.id} className={n.id === graph.root ? 'chosen' : undefined}>
                <td className="num">{n.depth > 0 ? `+${n.depth}` : n.depth}</td>
                <td>{words(n.kind)}</td>
                <td title={n.id}>
                  {to ? (
                    <Link to={to}>{nodeName(n)}</Link>
                  ) : (
                    <Link to={`/lineage?id=${encodeURIComponent(n.id)}`}>{nodeName(n)}</Link>
                  )}
                </td>
                <td>{n.state ?? ''}</td>
                <td>
                  <Time ms={n.at_ms} />
                </td>
                <td className="secondary text">{attributeText(n)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
