create table prediction_segments (
  id text primary key,
  endpoint text not null,
  endpoint_ordinal bigint not null,
  first_id text not null,
  last_id text not null,
  first_event_ms bigint not null,
  last_event_ms bigint not null,
  requests bigint not null,
  row_count bigint not null,
  created_ms bigint not null,
  head bytea not null,
  body bytea not null
);
create index prediction_segments_by_event on prediction_segments (endpoint, last_event_ms);
create index prediction_segments_by_prediction on prediction_segments (endpoint_ordinal, last_id);
create index prediction_segments_by_age on prediction_segments (endpoint, created_ms);

create table prediction_keys (
  endpoint text not null,
  caller_key text not null,
  prediction_id text not null,
  row_index bigint not null,
  event_ms bigint not null,
  primary key (endpoint, caller_key, prediction_id, row_index)
);
create index prediction_keys_by_event on prediction_keys (endpoint, event_ms);

create table labels (
  prediction_id text not null,
  row_index bigint not null,
  endpoint text not null,
  event_ms bigint not null,
  label text not null,
  observed_ms bigint not null,
  posted_ms bigint not null,
  joined_by text not null,
  primary key (prediction_id, row_index)
);
create index labels_by_event on labels (endpoint, event_ms);
create index labels_by_posting on labels (endpoint, posted_ms);

create table label_history (
  prediction_id text not null,
  row_index bigint not null,
  label text not null,
  observed_ms bigint not null,
  posted_ms bigint not null,
  replaced_ms bigint not null
);
create index label_history_by_prediction on label_history (prediction_id, row_index);

create table pending_labels (
  endpoint text not null,
  reference text not null,
  label text not null,
  observed_ms bigint not null,
  posted_ms bigint not null,
  primary key (endpoint, reference)
);
create index pending_labels_by_age on pending_labels (posted_ms);

create table monitors (
  name text primary key,
  endpoint text not null,
  spec text not null,
  generation bigint not null
);

create table monitor_windows (
  monitor text not null,
  window_id text not null,
  start_ms bigint not null,
  end_ms bigint not null,
  state text not null,
  revision bigint not null,
  touches bigint not null,
  model_version text not null,
  row_count bigint not null,
  document text not null,
  primary key (monitor, window_id)
);
create index monitor_windows_by_start on monitor_windows (monitor, start_ms);
create index monitor_windows_by_state on monitor_windows (state, monitor);

create table alerts (
  name text primary key,
  monitor text not null,
  spec text not null,
  generation bigint not null,
  state text not null,
  holding bigint not null,
  clear bigint not null,
  value double precision,
  window_id text not null,
  window_start_ms bigint not null,
  since_ms bigint not null,
  reason text not null,
  before_state text not null,
  before_holding bigint not null,
  before_clear bigint not null,
  acknowledged_by text not null,
  acknowledged_ms bigint not null,
  acknowledged_reason text not null,
  silenced_until_ms bigint not null
);

create table alert_transitions (
  id text primary key,
  alert text not null,
  at_ms bigint not null,
  window_id text not null,
  from_state text not null,
  to_state text not null,
  value double precision,
  reason text not null,
  decision text not null,
  notification text not null,
  attempts bigint not null,
  next_attempt_ms bigint not null,
  url text not null,
  timeout_ms bigint not null,
  body text not null
);
create index alert_transitions_by_alert on alert_transitions (alert, id);
create index alert_transitions_by_notification on alert_transitions (notification, next_attempt_ms);
