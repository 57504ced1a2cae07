#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "base/bytes.h"
#include "base/id.h"
#include "base/text.h"
#include "journal/journal.h"
#include "sql/database.h"
#include "tracking/metric_store.h"
#include "tracking/names.h"
#include "tracking/rows.h"
#include "tracking/runs.h"

namespace fettle::tracking {
namespace {

void check_count(size_t count, size_t limit, std::string_view what) {
  if (count <= limit) return;
  fail(Code::invalid_argument,
       "A batch logging request can contain at most {} {}. Got {} {}. Please split up {} across multiple requests and "
       "try again.",
       limit, what, count, what, what);
}

std::string path_in(std::string_view list, size_t index, Runs::Wording wording) {
  if (wording == Runs::Wording::single) return "name";
  return fmt::format("{}[{}].name", list, index);
}

void prepare_metric(Metric& metric) {
  if (metric.timestamp_ms < 0) {
    fail(Code::invalid_argument,
         "Invalid value {} for parameter 'timestamp' supplied: metric '{}' (value={}). Timestamp must be a nonnegative "
         "long "
         "(64-bit integer) ",
         metric.timestamp_ms, metric.key, format_double(metric.value));
  }
  if (std::isinf(metric.value)) metric.value = std::copysign(std::numeric_limits<double>::max(), metric.value);
}

// Checks the batch and brings it into its stored form.
void prepare(LogBatch& batch, Runs::Wording wording) {
  check_count(batch.metrics.size(), kBatchMetricLimit, "metrics");
  check_count(batch.params.size(), kBatchParamLimit, "params");
  check_count(batch.tags.size(), kBatchTagLimit, "tags");
  check_count(batch.metrics.size() + batch.params.size() + batch.tags.size(), kBatchTotalLimit,
              "metrics, params, and tags");
  for (size_t i = 0; i < batch.metrics.size(); ++i) {
    check_key(batch.metrics[i].key, "Metric name", path_in("metrics", i, wording));
    prepare_metric(batch.metrics[i]);
  }
  std::set<std::string_view> keys;
  std::vector<std::string> duplicates;
  for (size_t i = 0; i < batch.params.size(); ++i) {
    check_key(batch.params[i].key, "Param key", path_in("params", i, wording));
    batch.params[i].value = truncate_utf8(batch.params[i].value, kParamValueLimit);
    if (!keys.insert(batch.params[i].key).second) duplicates.push_back("'" + batch.params[i].key + "'");
  }
  if (!duplicates.empty()) {
    fail(Code::invalid_argument,
         "Duplicate parameter keys have been submitted: [{}]. Please ensure the request contains only one param value "
         "per param key.",
         join(duplicates, ", "));
  }
  for (size_t i = 0; i < batch.tags.size(); ++i) {
    check_key(batch.tags[i].key, "Tag key", path_in("tags", i, wording));
    batch.tags[i].value = truncate_utf8(batch.tags[i].value, kRunTagValueLimit);
  }
}

void put_params(sql::Connection& c, const LogBatch& batch, Runs::Wording wording) {
  std::vector<std::string> changed;
  for (const auto& param : batch.params) {
    int64_t inserted =
        c.exec("insert into run_params (run_id, key, value) values ($1, $2, $3) on conflict (run_id, key) do nothing",
               batch.run_id, param.key, param.value);
    if (inserted > 0) continue;
    std::string old =
        c.query("select value from run_params where run_id = $1 and key = $2", batch.run_id, param.key)[0].text(0);
    if (old == param.value) continue;
    if (wording == Runs::Wording::single) {
      fail(Code::invalid_argument,
           "Changing param values is not allowed. Param with key='{}' was already logged with value='{}' for run "
           "ID='{}'. "
           "Attempted logging new value '{}'.",
           param.key, old, batch.run_id, param.value);
    }
    changed.push_back(
        fmt::format("{{'key': '{}', 'old_value': '{}', 'new_value': '{}'}}", param.key, old, param.value));
  }
  if (changed.empty()) return;
  fail(Code::invalid_argument,
       "Changing param values is not allowed. Params were already logged='[{}]' for run ID='{}'.", join(changed, ", "),
       batch.run_id);
}

void put_model_metrics(sql::Connection& c, const LogBatch& batch) {
  for (const auto& m : batch.metrics) {
    if (m.model_id.empty()) continue;
    get_logged_model(c, m.model_id);
    std::optional<double> value;
    if (!std::isnan(m.value)) value = m.value;
    c.exec(
        "insert into logged_model_metrics (model_id, run_id, key, timestamp_ms, step, value, dataset_name, "
        "dataset_digest) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (model_id, key, timestamp_ms, step, run_id) do nothing",
        m.model_id, batch.run_id, m.key, m.timestamp_ms, m.step, value, m.dataset_name, m.dataset_digest);
  }
}

std::string put_dataset(sql::Connection& c, int64_t experiment_id, const Dataset& d, int64_t now) {
  c.exec(
      "insert into datasets (id, experiment_id, name, digest, source_type, source, schema, profile) "
      "values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (experiment_id, name, digest) do nothing",
      new_id(now), experiment_id, d.name, d.digest, d.source_type, d.source, d.schema, d.profile);
  return c
      .query("select id from datasets where experiment_id = $1 and name = $2 and digest = $3", experiment_id, d.name,
             d.digest)[0]
      .text(0);
}

void check_length(std::string_view value, size_t limit, std::string_view what) {
  if (utf8_length(value) > limit)
    fail(Code::invalid_argument, "'{}' exceeds the maximum length of {} characters", what, limit);
}

void check_dataset(const DatasetInput& input) {
  check_length(input.dataset.name, 500, "dataset.name");
  check_length(input.dataset.digest, 36, "dataset.digest");
  check_length(input.dataset.source, 65'535, "dataset.source");
  check_length(input.dataset.schema, 1'048'575, "dataset.schema");
  check_length(input.dataset.profile, 16'777'215, "dataset.profile");
  for (const auto& tag : input.tags) {
    check_length(tag.key, 255, "tag key");
    check_length(tag.value, 500, "tag value");
  }
}

void put_input(sql::Connection& c, const RunInfo& run, const DatasetInput& input, int64_t position, int64_t now) {
  std::string dataset = put_dataset(c, run.experiment_id, input.dataset, now);
  std::optional<std::string> context;
  for (const auto& tag : input.tags) {
    if (tag.key == "mlflow.data.context") context = tag.value;
  }
  int64_t inserted = c.exec(
      "insert into run_datasets (run_id, dataset_id, position, context) values ($1, $2, $3, $4) on conflict (run_id, "
      "dataset_id) do nothing",
      run.id, dataset, position, context);
  if (inserted == 0) return;
  int64_t at = 0;
  for (const auto& tag : input.tags) {
    c.exec(
        "insert into run_dataset_tags (run_id, dataset_id, position, key, value) values ($1, $2, $3, $4, $5) "
        "on conflict (run_id, dataset_id, key) do nothing",
        run.id, dataset, at++, tag.key, tag.value);
  }
  // A digest that is a content hash names the data version itself; any other one only names this dataset.
  const std::string& digest = input.dataset.digest;
  std::string_view hash =
      std::string_view(digest).substr(0, digest.ends_with(".dir") ? digest.size() - 4 : digest.size());
  bool is_hash = hash.size() == 32 && from_hex(hash).has_value();
  std::string node = is_hash ? "md5:" + digest : input.dataset.name + "@" + digest;
  journal::add_edge(c, {{"data", node}, {"run", run.id}, "input", now});
}

void put_model_link(sql::Connection& c, const std::string& run_id, std::string_view direction, const std::string& model,
                    int64_t step) {
  get_logged_model(c, model);
  c.exec(
      "insert into run_models (run_id, direction, model_id, step) values ($1, $2, $3, $4) "
      "on conflict (run_id, direction, model_id) do update set step = excluded.step",
      run_id, direction, model, step);
}

}  // namespace

void Runs::log(LogBatch batch, Wording wording) {
  prepare(batch, wording);
  PreparedPoints points = prepare_points(batch.metrics);
  database_.write([&](sql::Connection& c) {
    get_active_run(c, batch.run_id);
    put_params(c, batch, wording);
    append_metrics(c, batch.run_id, points, config_);
    put_model_metrics(c, batch);
    for (const auto& tag : batch.tags) {
      put_run_tag(c, batch.run_id, tag);
      if (tag.key == "mlflow.runName") c.exec("update runs set name = $2 where id = $1", batch.run_id, tag.value);
    }
  });
}

void Runs::log_inputs(const std::string& id, const std::vector<DatasetInput>& datasets,
                      const std::vector<std::string>& model_ids) {
  for (const auto& input : datasets) check_dataset(input);
  int64_t now = clock_.now_ms();
  database_.write([&](sql::Connection& c) {
    RunInfo run = get_active_run(c, id);
    int64_t position = c.query("select count(*) from run_datasets where run_id = $1", id)[0].integer(0);
    for (const auto& input : datasets) put_input(c, run, input, position++, now);
    for (const auto& model : model_ids) put_model_link(c, id, "input", model, 0);
  });
}

void Runs::log_outputs(const std::string& id, const std::vector<ModelOutput>& models) {
  database_.write([&](sql::Connection& c) {
    get_active_run(c, id);
    for (const auto& model : models) put_model_link(c, id, "output", model.model_id, model.step);
  });
}

std::vector<Runs::DatasetSummary> Runs::datasets(std::span<const int64_t> experiment_ids, int64_t limit) const {
  std::vector<DatasetSummary> found;
  for (int64_t experiment : experiment_ids) {
    auto rows = database_.read([&](sql::Connection& c) {
      return c.query(
          "select distinct d.name, d.digest, coalesce(i.context, '') from datasets d join run_datasets i on "
          "i.dataset_id = d.id "
          "where d.experiment_id = $1 order by 1, 2, 3 limit $2",
          experiment, limit - static_cast<int64_t>(found.size()));
    });
    for (const auto& row : rows) found.push_back({experiment, row.text(0), row.text(1), row.text(2)});
  }
  return found;
}

}  // namespace fettle::tracking
