// "What is declared, who changed it?"
import { fettle, useApi } from '../api';
import { Command, Empty, Loads, PageHead, Panel, Spec, Time } from '../parts/basics';
import { Table } from '../parts/table';
import { Link, path, serverPrefix } from '../router';
import type { Page, Resource } from '../types';

export function ResourcesPage() {
  const resources = useApi<Page<Resource>>(fettle('/resources', { limit: 1000 }));
  return (
    <>
      <PageHead
        title="Resources"
        sub="Infrastructure as code: what fettle apply has declared."
        actions={
          <>
            <a className="button" href={`${serverPrefix}${fettle('/resources', { format: 'yaml' })}`}>
              export YAML
            </a>
            <Command text="fettle plan -f platform/" />
          </>
        }
      />
      <Loads of={resources} lines={6}>
        {(data) =>
          data.items.length === 0 ? (
            <Empty title="Nothing is declared yet" command="fettle apply -f examples/flights/platform">
              <p>Endpoints, contracts, monitors, alerts, gates and retrain policies are YAML documents.</p>
            </Empty>
          ) : (
            <Table
              label="resources"
              rows={data.items}
              id={(r) => r.kind + r.name}
              to={(r) => path`/resources/${r.kind}/${r.name}`}
              order="kind"
              columns={[
                { key: 'kind', title: 'Kind', cell: (r) => r.kind, by: (r) => r.kind },
                {
                  key: 'name',
                  title: 'Name',
                  cell: (r) => <Link to={path`/resources/${r.kind}/${r.name}`}>{r.name}</Link>,
                  by: (r) => r.name,
                },
                { key: 'owner', title: 'Owner', cell: (r) => r.owner, by: (r) => r.owner },
                {
                  key: 'generation',
                  title: 'Generation',
                  numeric: true,
                  cell: (r) => r.generation,
                  by: (r) => r.generation,
                },
                {
                  key: 'updated',
                  title: 'Changed',
                  cell: (r) => <Time ms={r.updated_at_ms} />,
                  by: (r) => r.updated_at_ms,
                },
              ]}
            />
          )
        }
      </Loads>
    </>
  );
}

export function ResourcePage({ kind, name }: { kind: string; name: string }) {
  const resource = useApi<Resource>(fettle(path`/resources/${kind}/${name}`));
  return (
    <Loads of={resource} lines={8}>
      {(r) => (
        <>
          <PageHead
            title={`${kind}/${name}`}
            sub={
              <>
                generation {r.generation}, changed <Time ms={r.updated_at_ms} />
              </>
            }
            actions={<Command text={`fettle export ${kind}`} />}
          />
          <div className="columns">
            <Panel title="Spec">
              <Spec value={{ kind: r.kind, name: r.name, spec: r.spec }} />
            </Panel>
            <Panel title="History">
              {(r.history ?? []).length === 0 ? (
                <p className="muted">no change is recorded</p>
              ) : (
                <ol className="timeline">
                  {r.history?.map((h) => (
                    <li key={h.generation}>
                      <span className="glyph tone-running" aria-hidden="true">
                        ●
                      </span>
                      <div className="row spread">
                        <b>generation {h.generation}</b>
                        <span className="when">
                          <Time ms={h.at_ms} />
                        </span>
                      </div>
                      <div className="secondary">
                        {h.reason || 'no reason given'} · {h.by}
                      </div>
                    </li>
                  ))}
                </ol>
              )}
            </Panel>
          </div>
        </>
      )}
    </Loads>
  );
}
