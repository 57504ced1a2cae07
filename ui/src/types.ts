// The answers of /api/fettle/v1 (docs/openapi.yaml) and of MLflow's API, as far as the pages read them.
export type Num = number | string | null | undefined;
export interface Page<T> {
  items: T[];
  total: number;
  next: string | null;
}

export interface Latency {
  p50?: Num;
  p95?: Num;
  p99?: Num;
}

export interface Arm {
  arm: string;
  model?: string;
  version: string;
  weight_percent: number;
  requests?: number;
  rows?: number;
  errors?: number;
  latency_ms?: Latency;
  confidence_mean?: Num;
  score_mean?: Num;
  low_confidence_rate?: Num;
  ood_rate?: Num;
  fallback_rate?: Num;
}

export interface Endpoint {
  name: string;
  state: string;
  reason?: string;
  model: string;
  contract?: string | null;
  generation: number;
  revision?: { id: string; number: number; at_ms: number } | null;
  traffic: Arm[];
  rollout: string | null;
  requests: number;
  rows: number;
  errors: number;
  requests_per_s?: Num;
  spec?: Record<string, unknown>;
}

export interface Revision {
  id: string;
  number: number;
  at_ms: number;
  reason: string;
  by: string;
  rollout?: string | null;
  traffic: Arm[];
}

export interface RolloutStep {
  weight_percent: number;
  min_rows?: number;
  min_duration_ms?: number;
  max_duration_ms?: number;
}

export interface Check {
  name: string;
  stable?: Num;
  candidate?: Num;
  difference?: Num;
  interval?: [Num, Num] | null;
  limit?: Num;
  rows?: number;
  verdict: string;
  message: string;
}

export interface RolloutEvent {
  at_ms: number;
  from: string;
  to: string;
  step: number;
  weight_percent: number;
  verdict?: string;
  reason: string;
  by: string;
  decision?: string | null;
  observations?: Record<string, unknown>;
}

export interface Rollout {
  id: string;
  endpoint: string;
  state: string;
  reason: string;
  generation: number;
  model?: string;
  stable: string | null;
  candidate: string;
  step: number;
  weight_percent: number;
  steps: RolloutStep[];
  gate_report?: string | null;
  override_gate?: { reason: string } | null;
  by?: string;
  started_at_ms: number;
  ended_at_ms?: number | null;
  candidate_rows?: number;
  stable_rows?: number;
  checks?: Check[];
  history?: RolloutEvent[];
}

export interface Monitor {
  name: string;
  endpoint: string;
  window: string;
  generation?: number;
  state: string;
  verdict: string;
  windows: number;
  last_window: string | null;
  watermark_ms?: number | null;
  spec?: Record<string, unknown>;
}

export interface FeatureScore {
  name: string;
  kind: string;
  test: string;
  score: Num;
  threshold: Num;
  expected_null?: Num;
  p_value?: Num;
  q_value?: Num;
  drifted: boolean;
  status: string;
  reason?: string;
  importance?: number;
  missing_rate: Num;
  reference_missing_rate?: Num;
  unseen_rate?: Num;
  out_of_range_rate?: Num;
  mean?: Num;
  reference_mean?: Num;
}

export interface Window {
  id: string;
  start_ms: number;
  end_ms: number;
  state: string;
  revision: number;
  status: string;
  versions: { version: string; rows: number }[];
  reference: { version?: string; run_id?: string; rows?: number } | null;
  mature: boolean;
  metrics: Record<string, Num>;
  intervals?: Record<string, [Num, Num] | null>;
  calibration_noise?: Num;
  incomplete?: boolean;
  calibration?: { score: number; label_rate: number; rows: number }[];
  features: FeatureScore[];
}

export interface Bin {
  label: string;
  low?: Num;
  high?: Num;
  reference: number;
  current: number;
  contribution?: Num;
}

export interface Distribution extends FeatureScore {
  window: string;
  monitor: string;
  rows: number;
  reference_rows: number;
  bins: Bin[];
  statistics?: { current?: Record<string, Num>; reference?: Record<string, Num> };
}

export interface AlertTransition {
  at_ms: number;
  window: string | null;
  from: string;
  to: string;
  value?: Num;
  reason: string;
  decision?: string | null;
  notification?: string;
}

export interface Alert {
  name: string;
  monitor: string;
  endpoint?: string;
  expr: string;
  severity: string;
  state: string;
  value: Num;
  threshold: number;
  window: string | null;
  since_ms: number | null;
  held_windows?: number;
  for_windows?: number;
  reason: string;
  acknowledged?: { by: string; at_ms: number; reason: string } | null;
  silenced_until_ms?: number | null;
  transitions?: AlertTransition[];
}

export interface GateCheck {
  group: string;
  name: string;
  slice?: string;
  verdict: string;
  value?: Num;
  champion?: Num;
  difference?: Num;
  interval?: [Num, Num] | null;
  threshold?: Num;
  rows?: number;
  message: string;
}

export interface GateReport {
  id: string;
  gate: string;
  gate_generation?: number;
  verdict: string;
  reason: string;
  model: string;
  candidate: { version: string; run_id?: string | null };
  champion: { version: string; run_id?: string | null } | null;
  data: { source?: string; rows?: number; hash?: string };
  started_at_ms: number;
  took_ms: number;
  by?: string;
  checks?: GateCheck[];
}

export interface Job {
  id: string;
  name: string;
  state: string;
  reason: string;
  command: string[];
  directory: string;
  exit_code?: number | null;
  signal?: number | null;
  created_at_ms: number;
  started_at_ms?: number | null;
  ended_at_ms?: number | null;
  cpu_ms?: number | null;
  peak_memory_bytes?: number | null;
  log_bytes?: number;
  by?: string;
  retraining_run?: string | null;
}

export interface PipelineFile {
  path: string;
  hash: string;
  size_bytes?: number;
}
export interface PipelineRun {
  id: string;
  stage: string;
  command: string;
  directory: string;
  git_commit?: string | null;
  job?: string | null;
  params?: Record<string, unknown>;
  started_at_ms: number;
  ended_at_ms: number;
  inputs: PipelineFile[];
  outputs: PipelineFile[];
}

export interface RetrainingPolicy {
  name: string;
  endpoint: string;
  model: string;
  generation?: number;
  paused: boolean;
  cooldown_until_ms?: number | null;
  new_labels: number;
  min_new_labels: number;
  rejections?: number;
  circuit: string;
  running: string | null;
  last_decision: { id: string | null; at_ms: number | null; verdict: string; reason: string } | null;
  spec?: Record<string, unknown>;
}

export interface RetrainingRun {
  id: string;
  policy: string;
  endpoint: string;
  model: string;
  state: string;
  reason: string;
  decision?: string | null;
  alert?: string | null;
  window?: string | null;
  data?: { path: string; hash: string }[];
  job?: string | null;
  pipeline_run?: string | null;
  run_id?: string | null;
  candidate?: string | null;
  champion?: string | null;
  gate_report?: string | null;
  gate_verdict?: string | null;
  rollout?: string | null;
  started_at_ms: number;
  ended_at_ms?: number | null;
  cost?: { wall_ms?: number; cpu_ms?: number; training_rows?: number | null };
  gain?: { metric: string; champion: Num; candidate: Num; difference: Num; interval?: [Num, Num] | null } | null;
  transitions?: { at_ms: number; from: string; to: string; reason: string }[];
}

export interface Decision {
  id: string;
  at_ms: number;
  kind: string;
  subject: string;
  verdict: string;
  reason: string;
  policy_generation?: string | null;
  observations?: Record<string, unknown>;
  effects?: string[];
}

export interface LineageNode {
  id: string;
  kind: string;
  name: string;
  state?: string | null;
  at_ms?: number | null;
  depth: number;
  attributes?: Record<string, unknown>;
}
export interface LineageEdge {
  from: string;
  to: string;
  kind: string;
}
export interface Lineage {
  root: string;
  nodes: LineageNode[];
  edges: LineageEdge[];
  truncated: boolean;
}

export interface Label {
  value: string;
  observed_at_ms: number;
  posted_at_ms?: number;
  by?: string;
}
export interface PredictionSummary {
  prediction_id: string;
  at_ms: number;
  event_time_ms: number;
  key?: string | null;
  version: string;
  arm: string;
  score?: Num;
  confidence?: Num;
  verdicts: string[];
  label?: Label | null;
}
export interface PredictionRow {
  row: number;
  key?: string | null;
  event_time_ms?: number;
  features: Record<string, unknown>;
  outputs: Record<string, unknown>;
  score?: Num;
  confidence?: Num;
  ood?: Num;
  verdicts: string[];
  warnings?: string[];
  label?: Label | null;
}
export interface Prediction {
  prediction_id: string;
  request_id?: string;
  rollout?: string | null;
  endpoint: string;
  revision?: string | null;
  model: string;
  version: string;
  run_id?: string | null;
  arm: string;
  at_ms: number;
  event_time_ms: number;
  latency_ms?: { total?: Num; model?: Num };
  fallback?: string | null;
  rows_total: number;
  rows: PredictionRow[];
}

export interface Resource {
  kind: string;
  name: string;
  generation: number;
  updated_at_ms: number;
  owner?: string;
  spec: Record<string, unknown>;
  history?: { generation: number; at_ms: number; by: string; reason: string }[];
}

export interface Metrics {
  system: Record<string, unknown> & {
    cpu_percent?: Num;
    memory_bytes?: Num;
    disk_free_bytes?: Num;
    uptime_ms?: Num;
    requests?: Num;
    latency_ms?: Latency;
  };
  model: { endpoints: (Record<string, Num> & { endpoint: string })[] };
  data: { monitors: (Record<string, unknown> & { monitor: string })[] };
}

// MLflow
export interface Pair {
  key: string;
  value: string;
}
export interface RunMetric {
  key: string;
  value: number | string;
  timestamp: number | string;
  step: number | string;
}
export interface Run {
  info: {
    run_id: string;
    run_name?: string;
    experiment_id: string;
    status: string;
    start_time?: number | string;
    end_time?: number | string;
    user_id?: string;
    artifact_uri?: string;
    lifecycle_stage?: string;
  };
  data: { metrics?: RunMetric[]; params?: Pair[]; tags?: Pair[] };
  inputs?: {
    dataset_inputs?: {
      tags?: Pair[];
      dataset: { name: string; digest: string; source_type?: string; source?: string; profile?: string };
    }[];
  };
}
export interface Experiment {
  experiment_id: string;
  name: string;
  lifecycle_stage?: string;
}
export interface ModelVersion {
  name: string;
  version: string;
  creation_timestamp?: number | string;
  last_updated_timestamp?: number | string;
  description?: string;
  source?: string;
  run_id?: string;
  status?: string;
  aliases?: string[];
  tags?: Pair[];
}
export interface RegisteredModel {
  name: string;
  creation_timestamp?: number | string;
  last_updated_timestamp?: number | string;
  description?: string;
  latest_versions?: ModelVersion[];
  aliases?: { alias: string; version: string }[];
  tags?: Pair[];
}
export interface Artifact {
  path: string;
  is_dir?: boolean;
  file_size?: number | string;
}
