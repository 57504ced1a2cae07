// The table of pages.
import { Component, type ReactNode } from 'react';
import { Empty } from './parts/basics';
import { Shell } from './parts/shell';
import { AlertPage, AlertsPage } from './pages/alerts';
import { EndpointPage, EndpointsPage } from './pages/endpoints';
import { GatesPage, GateReportPage } from './pages/gates';
import { HomePage } from './pages/home';
import { JobPage, JobsPage } from './pages/jobs';
import { LineagePage } from './pages/lineage';
import { ModelPage, ModelsPage, VersionPage } from './pages/models';
import { MonitorPage, MonitoringPage } from './pages/monitoring';
import { PipelineRunPage } from './pages/pipelines';
import { PredictionPage } from './pages/predictions';
import { ResourcePage, ResourcesPage } from './pages/resources';
import { DecisionPage, RetrainingPage, RetrainingRunPage } from './pages/retraining';
import { RolloutPage, RolloutsPage } from './pages/rollouts';
import { RunPage } from './pages/run';
import { RunsPage } from './pages/runs';
import { Link, match, useLocation } from './router';

const pages: [string, (params: Record<string, string>) => ReactNode][] = [
  ['/', () => <HomePage />],
  ['/runs', () => <RunsPage />],
  ['/runs/:id', (p) => <RunPage id={p.id ?? ''} />],
  ['/models', () => <ModelsPage />],
  ['/models/:name', (p) => <ModelPage name={p.name ?? ''} />],
  ['/models/:name/versions/:version', (p) => <VersionPage name={p.name ?? ''} version={p.version ?? ''} />],
  ['/gates', () => <GatesPage />],
  ['/gates/:id', (p) => <GateReportPage id={p.id ?? ''} />],
  ['/endpoints', () => <EndpointsPage />],
  ['/endpoints/:name', (p) => <EndpointPage name={p.name ?? ''} />],
  ['/rollouts', () => <RolloutsPage />],
  ['/rollouts/:id', (p) => <RolloutPage id={p.id ?? ''} />],
  ['/monitoring', () => <MonitoringPage />],
  ['/monitoring/:name', (p) => <MonitorPage name={p.name ?? ''} />],
  ['/alerts', () => <AlertsPage />],
  ['/alerts/:name', (p) => <AlertPage name={p.name ?? ''} />],
  ['/retraining', () => <RetrainingPage />],
  ['/retraining/runs/:id', (p) => <RetrainingRunPage id={p.id ?? ''} />],
  ['/retraining/decisions/:id', (p) => <DecisionPage id={p.id ?? ''} />],
  ['/predictions/:id', (p) => <PredictionPage id={p.id ?? ''} />],
  ['/jobs', () => <JobsPage />],
  ['/jobs/:id', (p) => <JobPage id={p.id ?? ''} />],
  ['/pipelines/runs/:id', (p) => <PipelineRunPage id={p.id ?? ''} />],
  ['/resources', () => <ResourcesPage />],
  ['/resources/:kind/:name', (p) => <ResourcePage kind={p.kind ?? ''} name={p.name ?? ''} />],
  ['/lineage', () => <LineagePage />],
];

export function App() {
  const { path } = useLocation();
  const page = pages.map(([pattern, make]) => ({ params: match(pattern, path), make })).find((p) => p.params);
  return (
    <Shell>
      <Guard key={path}>{page?.params ? page.make(page.params) : <NotFound path={path} />}</Guard>
    </Shell>
  );
}

function NotFound({ path }: { path: string }) {
  return (
    <Empty title="There is no such page">
      <p>
        <code>{path}</code> is not a page of this server. <Link to="/">Go home</Link>, or search with Ctrl K.
      </p>
    </Empty>
  );
}

/** One broken page does not take the frame with it. */
class Guard extends Component<{ children: ReactNode }, { broken: string }> {
  override state = { broken: '' };
  static getDerivedStateFromError(error: unknown) {
    return { broken: String(error) };
  }
  override render() {
    if (!this.state.broken) return this.props.children;
    return (
      <div className="note danger" role="alert">
        <strong>this page has a bug</strong>
        <div>{this.state.broken}</div>
        <div>
          The command line shows the same facts: <code>fettle help</code>
        </div>
      </div>
    );
  }
}
