create table registered_models (
  id text primary key,
  name text not null unique,
  description text,
  user_id text not null,
  created_ms bigint not null,
  updated_ms bigint not null,
  last_version bigint not null
);

create table registered_model_tags (
  model_id text not null references registered_models (id),
  key text not null,
  value text not null,
  primary key (model_id, key)
);

-- A deleted version keeps its number, so that the counter never goes back.
create table model_versions (
  model_id text not null references registered_models (id),
  version bigint not null,
  description text,
  user_id text not null,
  stage text not null,
  source text not null,
  storage_location text not null,
  run_id text not null,
  logged_model_id text not null,
  run_link text not null,
  created_ms bigint not null,
  updated_ms bigint not null,
  deleted boolean not null,
  primary key (model_id, version)
);
create index model_versions_by_run on model_versions (run_id);

create table model_version_tags (
  model_id text not null,
  version bigint not null,
  key text not null,
  value text not null,
  primary key (model_id, version, key),
  foreign key (model_id, version) references model_versions (model_id, version)
);

create table model_aliases (
  model_id text not null references registered_models (id),
  alias text not null,
  version bigint not null,
  moved_ms bigint not null,
  primary key (model_id, alias)
);
