create table gates (
  name text primary key,
  model text not null,
  generation bigint not null,
  spec text not null
);

create table gate_reports (
  id text primary key,
  gate text not null,
  gate_generation bigint not null,
  verdict text not null,
  reason text not null,
  model text not null,
  candidate_version text not null,
  candidate_run text not null,
  champion_version text not null,
  champion_run text not null,
  data_source text not null,
  data_rows bigint not null,
  data_hash text not null,
  started_at_ms bigint not null,
  took_ms bigint not null,
  requested_by text not null,
  checks text not null
);
create index gate_reports_by_model on gate_reports (model, candidate_version, id);
create index gate_reports_by_gate on gate_reports (gate, id);
