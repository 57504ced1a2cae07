create table retrain_policies (
  name text primary key,
  generation bigint not null,
  spec text not null,
  rejections bigint not null,
  last_start_event_ms bigint,
  last_start_label_count bigint not null,
  last_verdict text not null,
  last_reason text not null
);

create table retraining_runs (
  id text primary key,
  policy text not null,
  endpoint text not null,
  model text not null,
  state text not null,
  reason text not null,
  decision text not null,
  alert text not null,
  alert_window text not null,
  trigger_kind text not null,
  evaluation_from_ms bigint,
  evaluation_to_ms bigint,
  versioning_job text not null,
  training_job text not null,
  pipeline_run text not null,
  mlflow_run text not null,
  candidate text not null,
  champion text not null,
  gate_report text not null,
  gate_verdict text not null,
  rollout text not null,
  gain text not null,
  training_rows bigint,
  cpu_ms bigint not null,
  started_at_ms bigint not null,
  ended_at_ms bigint
);
create index retraining_runs_by_policy on retraining_runs (policy, id);

create table retraining_transitions (
  run text not null,
  seq bigint not null,
  at_ms bigint not null,
  from_state text not null,
  to_state text not null,
  reason text not null,
  primary key (run, seq)
);
