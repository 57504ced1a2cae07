create table experiments (
  id bigint primary key,
  name text not null unique,
  artifact_location text not null,
  deleted boolean not null,
  created_ms bigint not null,
  updated_ms bigint not null
);

create table experiment_tags (
  experiment_id bigint not null references experiments (id),
  key text not null,
  value text not null,
  primary key (experiment_id, key)
);

create table runs (
  id text primary key,
  experiment_id bigint not null references experiments (id),
  name text not null,
  user_id text not null,
  status text not null,
  start_ms bigint not null,
  end_ms bigint,
  artifact_uri text not null,
  deleted boolean not null,
  deleted_ms bigint
);
create index runs_by_start on runs (experiment_id, deleted, start_ms desc, id);

create table run_params (
  run_id text not null references runs (id),
  key text not null,
  value text not null,
  primary key (run_id, key)
);
create index run_params_by_key on run_params (key, run_id);

create table run_tags (
  run_id text not null references runs (id),
  key text not null,
  value text not null,
  primary key (run_id, key)
);
create index run_tags_by_key on run_tags (key, run_id);

-- The newest value of each metric of a run as one document, and what is not compacted into blocks yet.
create table run_metrics (
  run_id text primary key references runs (id),
  latest bytea not null,
  next_segment bigint not null,
  pending_segments bigint not null,
  pending_points bigint not null
);

-- One per commit, in the order of commits; compaction moves them into blocks.
create table metric_segments (
  run_id text not null references runs (id),
  segment bigint not null,
  points bytea not null,
  primary key (run_id, segment)
);

create table metric_blocks (
  run_id text not null references runs (id),
  key text not null,
  block bigint not null,
  point_count bigint not null,
  points bytea not null,
  primary key (run_id, key, block)
);

-- The newest value again, narrow, for filters and ordering. A null value is NaN.
create table metric_index (
  key text not null,
  run_id text not null references runs (id),
  value double precision,
  primary key (key, run_id)
);
create index metric_index_by_value on metric_index (key, value, run_id);

create table datasets (
  id text primary key,
  experiment_id bigint not null references experiments (id),
  name text not null,
  digest text not null,
  source_type text not null,
  source text not null,
  schema text not null,
  profile text not null,
  unique (experiment_id, name, digest)
);

create table run_datasets (
  run_id text not null references runs (id),
  dataset_id text not null references datasets (id),
  position bigint not null,
  context text,
  primary key (run_id, dataset_id)
);

create table run_dataset_tags (
  run_id text not null,
  dataset_id text not null,
  position bigint not null,
  key text not null,
  value text not null,
  primary key (run_id, dataset_id, key)
);

create table logged_models (
  id text primary key,
  experiment_id bigint not null references experiments (id),
  name text not null,
  model_type text not null,
  source_run_id text not null,
  status bigint not null,
  artifact_uri text not null,
  created_ms bigint not null,
  updated_ms bigint not null,
  deleted boolean not null
);
create index logged_models_by_experiment on logged_models (experiment_id, created_ms);

create table logged_model_tags (
  model_id text not null references logged_models (id),
  key text not null,
  value text not null,
  primary key (model_id, key)
);

create table logged_model_params (
  model_id text not null references logged_models (id),
  key text not null,
  value text not null,
  primary key (model_id, key)
);

create table logged_model_metrics (
  model_id text not null references logged_models (id),
  run_id text not null,
  key text not null,
  timestamp_ms bigint not null,
  step bigint not null,
  value double precision,
  dataset_name text not null,
  dataset_digest text not null,
  primary key (model_id, key, timestamp_ms, step, run_id)
);

-- Models that a run read ("input") or made ("output", with the step).
create table run_models (
  run_id text not null references runs (id),
  direction text not null,
  model_id text not null references logged_models (id),
  step bigint not null,
  primary key (run_id, direction, model_id)
);
create index run_models_by_model on run_models (model_id);

-- Artifact names onto blobs; a path is relative to the artifact root: `<experiment>/<run>/artifacts/…`.
create table artifacts (
  path text primary key,
  sha256 text not null,
  md5 text not null,
  size_bytes bigint not null,
  created_ms bigint not null
);

-- Who needs a blob; written in the transaction of the reference. Blobs without a row here are garbage.
create table blob_owners (
  sha256 text not null,
  kind text not null,
  owner text not null,
  primary key (sha256, kind, owner)
);
create index blob_owners_by_owner on blob_owners (kind, owner);
