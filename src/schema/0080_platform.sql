create table resources (
  kind text not null,
  name text not null,
  generation bigint not null,
  owner text not null,
  spec text not null,
  last_applied text not null,
  updated_at_ms bigint not null,
  primary key (kind, name)
);

create table resource_history (
  kind text not null,
  name text not null,
  generation bigint not null,
  at_ms bigint not null,
  changed_by text not null,
  reason text not null,
  action text not null,
  spec text not null,
  fields text not null,
  primary key (kind, name, generation, at_ms)
);

create table platform_revision (
  id bigint primary key,
  revision bigint not null
);
insert into platform_revision (id, revision) values (1, 0);
