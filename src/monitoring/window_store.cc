#include "monitoring/window_store.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace fettle::monitoring {
namespace {

constexpr std::string_view kColumns = "window_id, start_ms, end_ms, state, revision, touches, document";

WindowView view_from(const sql::Row& row) {
  WindowView view{row.text(0),    row.integer(1), row.integer(2), row.text(3),
                  row.integer(4), row.integer(5), std::nullopt};
  if (!row.view(6).empty()) view.result = parse_window(row.view(6));
  return view;
}

// The windows of these events, each once.
std::vector<WindowBounds> windows_of(const WindowRule& rule, const std::vector<int64_t>& event_ms) {
  std::map<int64_t, WindowBounds> found;
  WindowBounds last{0, 0};
  for (int64_t ms : event_ms) {
    if (last.holds(ms)) continue;
    last = window_of(rule, ms);
    found.emplace(last.start_ms, last);
  }
  std::vector<WindowBounds> windows;
  for (const auto& [start, bounds] : found) windows.push_back(bounds);
  return windows;
}

void open_window(sql::Connection& connection, const std::string& monitor, const WindowRule& rule, WindowBounds bounds) {
  std::string id = window_id(rule, bounds.start_ms);
  connection.exec(
      "insert into monitor_windows (monitor, window_id, start_ms, end_ms, state, revision, touches, model_version, "
      "row_count, document) "
      "values ($1, $2, $3, $4, 'open', 0, 0, '', 0, '') on conflict (monitor, window_id) do nothing",
      monitor, id, bounds.start_ms, bounds.end_ms);
}

void mark_dirty(sql::Connection& connection, const std::string& monitor, const std::string& id) {
  connection.exec(
      "update monitor_windows set touches = touches + 1, state = case when state = 'closed' then 'dirty' else state "
      "end "
      "where monitor = $1 and window_id = $2",
      monitor, id);
}

}  // namespace

WindowStore::WindowStore(sql::Database& database) : database_(database) { reload(); }

void WindowStore::reload() {
  auto loaded = database_.read([](sql::Connection& connection) {
    std::map<std::string, std::shared_ptr<const MonitorEntry>> found;
    for (const auto& row : connection.query("select name, spec, generation from monitors")) {
      auto entry = std::make_shared<MonitorEntry>(
          MonitorEntry{row.text(0), parse_monitor_spec(row.view(1)), row.text(1), row.integer(2)});
      found[entry->name] = entry;
    }
    return found;
  });
  std::lock_guard lock(mutex_);
  monitors_ = std::move(loaded);
}

bool WindowStore::put(const std::string& name, const std::string& spec_json, int64_t generation) {
  MonitorSpec spec = parse_monitor_spec(spec_json);
  bool changed = database_.write([&](sql::Connection& connection) {
    auto before = connection.query_one("select spec from monitors where name = $1", name);
    bool same = before && before->view(0) == spec_json;
    connection.exec(
        "insert into monitors (name, endpoint, spec, generation) values ($1, $2, $3, $4) "
        "on conflict (name) do update set endpoint = excluded.endpoint, spec = excluded.spec, generation = "
        "excluded.generation",
        name, spec.endpoint, spec_json, generation);
    if (same) return false;
    MonitorSpec old = before ? parse_monitor_spec(before->view(0)) : spec;
    if (old.window != spec.window || old.endpoint != spec.endpoint) {
      connection.exec("delete from monitor_windows where monitor = $1", name);
    } else {
      connection.exec(
          "update monitor_windows set touches = touches + 1, state = 'dirty' where monitor = $1 and state = 'closed'",
          name);
    }
    return true;
  });
  reload();
  return changed;
}

void WindowStore::remove(const std::string& name) {
  database_.write([&](sql::Connection& connection) {
    connection.exec("delete from monitors where name = $1", name);
    connection.exec("delete from monitor_windows where monitor = $1", name);
  });
  reload();
}

std::vector<std::shared_ptr<const MonitorEntry>> WindowStore::monitors() const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const MonitorEntry>> all;
  for (const auto& [name, entry] : monitors_) all.push_back(entry);
  return all;
}

std::vector<std::shared_ptr<const MonitorEntry>> WindowStore::of_endpoint(std::string_view endpoint) const {
  auto all = monitors();
  std::erase_if(all, [&](const auto& m) { return m->spec.endpoint != endpoint; });
  return all;
}

std::shared_ptr<const MonitorEntry> WindowStore::get(const std::string& name) const {
  std::vector<std::string> names;
  for (const auto& monitor : monitors()) {
    if (monitor->name == name) return monitor;
    names.push_back(monitor->name);
  }
  auto near = nearest(name, names);
  fail(Code::not_found, "there is no monitor '{}'{}", name, near ? fmt::format(", did you mean '{}'?", *near) : "");
}

void WindowStore::note_rows(sql::Connection& connection, const std::vector<LogBlock>& blocks) {
  for (const auto& block : blocks) {
    for (const auto& monitor : of_endpoint(block.endpoint)) note_events(connection, *monitor, block.event_ms);
  }
}

void WindowStore::note_events(sql::Connection& connection, const MonitorEntry& monitor,
                              const std::vector<int64_t>& event_ms) {
  for (const auto& bounds : windows_of(monitor.spec.window, event_ms)) {
    open_window(connection, monitor.name, monitor.spec.window, bounds);
    mark_dirty(connection, monitor.name, window_id(monitor.spec.window, bounds.start_ms));
  }
}

std::vector<std::string> WindowStore::touch(sql::Connection& connection, std::string_view endpoint,
                                            const std::vector<int64_t>& event_ms) {
  std::vector<std::string> names;
  for (const auto& monitor : of_endpoint(endpoint)) {
    for (const auto& bounds : windows_of(monitor->spec.window, event_ms)) {
      std::string id = window_id(monitor->spec.window, bounds.start_ms);
      mark_dirty(connection, monitor->name, id);
      names.push_back(monitor->name + "/" + id);
    }
  }
  return names;
}

std::vector<WindowView> WindowStore::due(const std::string& monitor, int64_t until_ms) {
  return database_.read([&](sql::Connection& connection) {
    std::vector<WindowView> found;
    auto text = fmt::format(
        "select window_id, start_ms, end_ms, state, revision, touches, '' from monitor_windows "
        "where monitor = $1 and (state = 'dirty' or (state = 'open' and end_ms <= $2)) order by start_ms");
    for (const auto& row : connection.query(text, monitor, until_ms)) found.push_back(view_from(row));
    return found;
  });
}

void WindowStore::store(sql::Connection& connection, const std::string& monitor, const WindowView& window,
                        const WindowResult& result) {
  connection.exec(
      "update monitor_windows set state = case when touches = $3 then 'closed' else 'dirty' end, revision = revision + "
      "1, model_version = $4, "
      "row_count = $5, document = $6 where monitor = $1 and window_id = $2",
      monitor, window.id, window.touches,
      result.versions.empty() ? "" : result.model + "/" + result.versions.front().version, result.rows,
      format_window(result));
}

WindowPage WindowStore::list(const std::string& monitor, const Range& range) {
  return database_.read([&](sql::Connection& connection) {
    auto start_of = [&](const std::string& id, int64_t otherwise) {
      if (id.empty()) return otherwise;
      auto row = connection.query_one("select start_ms from monitor_windows where monitor = $1 and window_id = $2",
                                      monitor, id);
      if (row) return row->integer(0);
      auto near = connection.query_one(
          "select coalesce(min(start_ms), $3) from monitor_windows where monitor = $1 and window_id >= $2", monitor, id,
          otherwise);
      return near->integer(0);
    };
    int64_t from = start_of(range.from, INT64_MIN);
    int64_t to = start_of(range.to, INT64_MAX);
    WindowPage page;
    page.total =
        connection
            .query_one("select count(*) from monitor_windows where monitor = $1 and start_ms >= $2 and start_ms <= $3",
                       monitor, from, to)
            ->integer(0);
    auto text = fmt::format(
        "select {} from monitor_windows where monitor = $1 and start_ms >= $2 and start_ms <= $3 order by start_ms "
        "limit $4",
        kColumns);
    for (const auto& row :
         connection.query(text, monitor, std::max(from, range.start_ms.value_or(from)), to, range.limit + 1)) {
      if (static_cast<int64_t>(page.items.size()) == range.limit) {
        page.next_start_ms = row.integer(1);
      } else {
        page.items.push_back(view_from(row));
      }
    }
    return page;
  });
}

std::optional<WindowView> WindowStore::find(const std::string& monitor, const std::string& id) {
  return database_.read([&](sql::Connection& connection) -> std::optional<WindowView> {
    auto row = connection.query_one(
        fmt::format("select {} from monitor_windows where monitor = $1 and window_id = $2", kColumns), monitor, id);
    if (!row) return std::nullopt;
    return view_from(*row);
  });
}

std::optional<WindowView> WindowStore::newest_computed(const std::string& monitor) {
  return database_.read([&](sql::Connection& connection) -> std::optional<WindowView> {
    auto row = connection.query_one(fmt::format("select {} from monitor_windows where monitor = $1 and revision > 0 "
                                                "and row_count > 0 order by start_ms desc limit 1",
                                                kColumns),
                                    monitor);
    if (!row) return std::nullopt;
    return view_from(*row);
  });
}

std::optional<WindowView> WindowStore::newest_labelled(const std::string& monitor, bool mature_only) {
  // Labels lag by a few windows, not by hundreds: the newest ones are looked at in turn.
  auto ids = database_.read([&](sql::Connection& connection) {
    return connection.query(
        "select window_id from monitor_windows where monitor = $1 and revision > 0 order by start_ms desc limit 200",
        monitor);
  });
  for (const auto& id : ids) {
    auto view = find(monitor, id.text(0));
    if (!view || !view->result) continue;
    auto labelled = view->result->metrics.find("labelled");
    bool some = labelled != view->result->metrics.end() && labelled->second > 0;
    if (mature_only ? view->result->mature : some) return view;
  }
  return std::nullopt;
}

WindowCounts WindowStore::counts(const std::string& monitor) {
  return database_.read([&](sql::Connection& connection) {
    WindowCounts counts;
    for (const auto& row :
         connection.query("select state, count(*) from monitor_windows where monitor = $1 group by state", monitor)) {
      counts.windows += row.integer(1);
      if (row.view(0) == "dirty") counts.dirty = row.integer(1);
      if (row.view(0) == "open") counts.open = row.integer(1);
    }
    return counts;
  });
}

PredictionBaseline WindowStore::baseline(const std::string& monitor, const std::string& model,
                                         const std::string& version, int64_t start_ms, int64_t min_rows) {
  return database_.read([&](sql::Connection& connection) -> PredictionBaseline {
    auto row = connection.query_one(
        "select document from monitor_windows where monitor = $1 and model_version = $2 and start_ms < $3 and "
        "row_count >= $4 and revision > 0 "
        "order by start_ms limit 1",
        monitor, model + "/" + version, start_ms, min_rows);
    if (!row) return {};
    WindowResult first = parse_window(row->view(0));
    return {first.score_counts, first.confidence_counts};
  });
}

}  // namespace fettle::monitoring
