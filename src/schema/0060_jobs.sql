create table jobs (
  id text primary key,
  name text not null,
  state text not null,
  reason text not null,
  spec text not null,
  idempotency_key text unique,
  submitted_by text not null,
  retraining_run text not null,
  pipeline_run text not null,
  exit_code bigint,
  signal bigint,
  pid bigint,
  created_at_ms bigint not null,
  started_at_ms bigint,
  ended_at_ms bigint,
  cpu_ms bigint not null,
  peak_memory_bytes bigint not null
);
create index jobs_by_state on jobs (state, id);
create index jobs_by_name on jobs (name, id);
