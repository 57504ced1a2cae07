create table lineage_edges (
  from_kind text not null,
  from_id text not null,
  to_kind text not null,
  to_id text not null,
  relation text not null,
  at_ms bigint not null,
  primary key (from_kind, from_id, to_kind, to_id, relation)
);
create index lineage_edges_by_effect on lineage_edges (to_kind, to_id);

create table decisions (
  id text primary key,
  kind text not null,
  subject text not null,
  verdict text not null,
  reason text not null,
  policy_version text not null,
  observations text not null,
  actor text not null,
  at_ms bigint not null
);
create index decisions_by_subject on decisions (subject, id);
create index decisions_by_kind on decisions (kind, id);

create table audit_events (
  id text primary key,
  actor text not null,
  action text not null,
  subject text not null,
  detail text not null,
  at_ms bigint not null
);
create index audit_events_by_subject on audit_events (subject, id);
