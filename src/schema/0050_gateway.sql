create table gateway_contracts (
  name text primary key,
  spec text not null,
  generation bigint not null
);

-- A removed endpoint keeps its row: its ordinal stands in prediction ids for ever.
create table gateway_endpoints (
  name text primary key,
  ordinal bigint not null unique,
  spec text not null,
  generation bigint not null,
  removed boolean not null
);

create table endpoint_revisions (
  id text primary key,
  endpoint text not null,
  number bigint not null,
  at_ms bigint not null,
  reason text not null,
  author text not null,
  rollout text not null,
  fingerprint text not null,
  model text not null,
  stable_version text not null,
  candidate_version text not null,
  candidate_weight bigint not null
);
create unique index endpoint_revisions_by_endpoint on endpoint_revisions (endpoint, number);

create table rollouts (
  id text primary key,
  endpoint text not null,
  state text not null,
  generation bigint not null,
  document text not null,
  started_at_ms bigint not null,
  ended_at_ms bigint
);
create index rollouts_by_endpoint on rollouts (endpoint, id);
create unique index rollouts_running on rollouts (endpoint) where ended_at_ms is null;

create table rollout_history (
  rollout text not null,
  number bigint not null,
  at_ms bigint not null,
  from_state text not null,
  to_state text not null,
  step bigint not null,
  weight bigint not null,
  verdict text not null,
  reason text not null,
  author text not null,
  decision text not null,
  observations text not null,
  primary key (rollout, number)
);
