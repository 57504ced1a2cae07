create table pipeline_runs (
  id text primary key,
  stage text not null,
  command text not null,
  directory text not null,
  git_commit text not null,
  job text not null,
  params text not null,
  started_at_ms bigint not null,
  ended_at_ms bigint not null
);

create table pipeline_run_files (
  pipeline_run text not null,
  direction text not null,
  path text not null,
  hash text not null,
  size_bytes bigint not null,
  primary key (pipeline_run, direction, path)
);
create index pipeline_run_files_by_hash on pipeline_run_files (hash);
