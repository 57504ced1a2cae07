#include <algorithm>
#include <optional>

#include "api/mlflow/filter.h"
#include "api/mlflow/searches.h"
#include "base/error.h"
#include "base/text.h"

namespace fettle::api::mlflow {
namespace {

using tracking::ExperimentField;
using tracking::LoggedModelField;
using tracking::RunField;

template <class Field>
struct Name {
  std::string_view name;
  Field field;
};

template <class Field, size_t N>
std::optional<Field> find_name(const Name<Field> (&names)[N], std::string_view name) {
  for (const auto& known : names) {
    if (known.name == name) return known.field;
  }
  return std::nullopt;
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

constexpr Name<RunField> kRunAttributes[] = {
    {"run_id", RunField::run_id},      {"run_name", RunField::run_name},         {"run name", RunField::run_name},
    {"Run name", RunField::run_name},  {"Run Name", RunField::run_name},         {"user_id", RunField::user_id},
    {"status", RunField::status},      {"artifact_uri", RunField::artifact_uri}, {"start_time", RunField::start_time},
    {"created", RunField::start_time}, {"Created", RunField::start_time},        {"end_time", RunField::end_time}};

constexpr Name<RunField> kDatasetAttributes[] = {
    {"name", RunField::dataset_name}, {"digest", RunField::dataset_digest}, {"context", RunField::dataset_context}};

[[noreturn]] void fail_attribute(std::string_view key, std::string_view valid) {
  fail(Code::invalid_argument, "Invalid attribute key '{}' specified. Valid keys are '{}'", key, valid);
}

RunField run_attribute(std::string_view key) {
  auto field = find_name(kRunAttributes, key);
  if (!field) fail_attribute(key, "artifact_uri, created, end_time, run_id, run_name, start_time, status, user_id");
  return *field;
}

bool is_attribute(std::string_view entity) { return is_one_of(entity, {"", "attribute", "attributes", "attr", "run"}); }

[[noreturn]] void fail_entity(std::string_view entity) {
  fail(Code::invalid_argument,
       "Invalid entity type '{}'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']", entity);
}

RunField run_field(const std::string& entity, const std::string& key) {
  if (is_attribute(entity)) return run_attribute(key);
  if (is_one_of(entity, {"metric", "metrics"})) return RunField::metric;
  if (is_one_of(entity, {"param", "params", "parameter", "parameters"})) return RunField::param;
  if (is_one_of(entity, {"tag", "tags"})) return RunField::tag;
  fail_entity(entity);
}

void refuse_null_test(const Comparison& c) {
  if (c.compare != Compare::is_null && c.compare != Compare::is_not_null) return;
  fail(Code::invalid_argument, "IS NULL / IS NOT NULL is only supported for tags and params, not for '{}'", c.key);
}

void refuse_list(const Comparison& c) {
  if (c.compare != Compare::in && c.compare != Compare::not_in) return;
  fail(Code::invalid_argument, "Only ['run_id'] attributes support comparison with a list of quoted string values.");
}

Operand run_operand(RunField field, const Comparison& c) {
  switch (field) {
    case RunField::metric:
      refuse_null_test(c);
      check_comparator(c, Comparators::numeric);
      return number_operand(c, "metric");
    case RunField::param: check_comparator(c, Comparators::text_and_null); return text_operand(c, "parameter");
    case RunField::tag: check_comparator(c, Comparators::text_and_null); return text_operand(c, "tag");
    case RunField::start_time:
    case RunField::end_time:
      refuse_null_test(c);
      check_comparator(c, Comparators::numeric);
      return integer_operand(c, c.key);
    case RunField::run_id:
    case RunField::dataset_name:
    case RunField::dataset_digest:
    case RunField::dataset_context:
      refuse_null_test(c);
      check_comparator(c, Comparators::text_and_list);
      return text_operand(c, c.key);
    default:
      refuse_null_test(c);
      refuse_list(c);
      check_comparator(c, Comparators::text);
      return text_operand(c, "attributes");
  }
}

constexpr Name<ExperimentField> kExperimentAttributes[] = {{"name", ExperimentField::name},
                                                           {"experiment_id", ExperimentField::id},
                                                           {"creation_time", ExperimentField::created},
                                                           {"last_update_time", ExperimentField::updated}};

ExperimentField experiment_field(const std::string& entity, const std::string& key) {
  if (is_one_of(entity, {"tag", "tags"})) return ExperimentField::tag;
  if (!is_one_of(entity, {"", "attribute", "attributes"})) {
    fail(Code::invalid_argument, "Invalid entity type '{}'. Valid values are ['attribute', 'tag']", entity);
  }
  auto field = find_name(kExperimentAttributes, key);
  if (!field) fail_attribute(key, "creation_time, experiment_id, last_update_time, name");
  return *field;
}

Operand experiment_operand(ExperimentField field, const Comparison& c) {
  switch (field) {
    case ExperimentField::created:
    case ExperimentField::updated: check_comparator(c, Comparators::numeric); return integer_operand(c, c.key);
    case ExperimentField::id:
      if (c.compare != Compare::in && c.compare != Compare::not_in) check_comparator(c, Comparators::equality);
      return text_operand(c, c.key);
    case ExperimentField::tag: check_comparator(c, Comparators::text_and_null); return text_operand(c, "tag");
    case ExperimentField::name: check_comparator(c, Comparators::text); return text_operand(c, "attributes");
  }
  return {};
}

constexpr Name<LoggedModelField> kLoggedModelAttributes[] = {{"name", LoggedModelField::name},
                                                             {"model_id", LoggedModelField::id},
                                                             {"experiment_id", LoggedModelField::experiment_id},
                                                             {"model_type", LoggedModelField::model_type},
                                                             {"status", LoggedModelField::status},
                                                             {"source_run_id", LoggedModelField::source_run_id},
                                                             {"creation_timestamp_ms", LoggedModelField::created},
                                                             {"creation_timestamp", LoggedModelField::created},
                                                             {"creation_time", LoggedModelField::created},
                                                             {"last_updated_timestamp_ms", LoggedModelField::updated},
                                                             {"last_updated_timestamp", LoggedModelField::updated}};

LoggedModelField logged_model_field(const std::string& entity, const std::string& key) {
  if (entity == "metrics") return LoggedModelField::metric;
  if (entity == "params") return LoggedModelField::param;
  if (entity == "tags") return LoggedModelField::tag;
  if (!is_one_of(entity, {"", "attributes"})) {
    fail(Code::invalid_argument,
         "Invalid entity type '{}'. Valid values are ['attributes', 'metrics', 'params', 'tags']", entity);
  }
  auto field = find_name(kLoggedModelAttributes, key);
  if (!field) {
    fail_attribute(
        key,
        "name, model_id, experiment_id, model_type, status, source_run_id, creation_timestamp, last_updated_timestamp");
  }
  return *field;
}

// The short name, the enum's name, or its number.
int64_t model_status(std::string_view text) {
  constexpr std::string_view kPrefix = "LOGGED_MODEL_";
  if (text.starts_with(kPrefix)) text.remove_prefix(kPrefix.size());
  if (text == "PENDING" || text == "1") return 1;
  if (text == "READY" || text == "2") return 2;
  if (text == "UPLOAD_FAILED" || text == "3") return 3;
  fail(Code::invalid_argument,
       "Unknown model status in filter: '{}'. Expected one of 'PENDING', 'READY', 'UPLOAD_FAILED'", text);
}

Operand logged_model_operand(LoggedModelField field, const Comparison& c) {
  switch (field) {
    case LoggedModelField::metric: check_comparator(c, Comparators::numeric); return number_operand(c, "metric");
    case LoggedModelField::created:
    case LoggedModelField::updated: check_comparator(c, Comparators::numeric); return integer_operand(c, c.key);
    case LoggedModelField::status: check_comparator(c, Comparators::equality); return model_status(c.literal.text);
    default: check_comparator(c, Comparators::text_and_list); return text_operand(c, c.key);
  }
}

}  // namespace

std::vector<Condition<RunField>> run_conditions(std::string_view filter) {
  std::vector<Condition<RunField>> conditions;
  for (auto& c : parse_filter(filter)) {
    RunField field{};
    if (is_one_of(c.entity, {"dataset", "datasets"})) {
      auto known = find_name(kDatasetAttributes, c.key);
      if (!known)
        fail(Code::invalid_argument, "Invalid dataset key '{}' specified. Valid keys are 'name, digest, context'",
             c.key);
      field = *known;
    } else {
      field = run_field(c.entity, c.key);
    }
    Operand operand = run_operand(field, c);
    conditions.push_back({field, std::move(c.key), c.compare, std::move(operand)});
  }
  return conditions;
}

std::vector<OrderBy<RunField>> run_order(const std::vector<std::string>& clauses) {
  std::vector<OrderBy<RunField>> order;
  for (const auto& clause : clauses) {
    OrderTerm term = parse_order(clause);
    if (is_one_of(term.entity, {"dataset", "datasets"})) {
      fail(Code::invalid_argument, "Invalid order_by entity `{}` with key `{}`", term.entity, term.key);
    }
    RunField field = run_field(term.entity, term.key);
    bool keyed = field == RunField::metric || field == RunField::param || field == RunField::tag;
    order.push_back({field, keyed ? term.key : "", term.descending});
  }
  return order;
}

std::vector<Condition<ExperimentField>> experiment_conditions(std::string_view filter) {
  std::vector<Condition<ExperimentField>> conditions;
  for (auto& c : parse_filter(filter)) {
    ExperimentField field = experiment_field(c.entity, c.key);
    Operand operand = experiment_operand(field, c);
    conditions.push_back({field, std::move(c.key), c.compare, std::move(operand)});
  }
  return conditions;
}

std::vector<OrderBy<ExperimentField>> experiment_order(const std::vector<std::string>& clauses) {
  std::vector<OrderBy<ExperimentField>> order;
  for (const auto& clause : clauses) {
    OrderTerm term = parse_order(clause);
    ExperimentField field = experiment_field(term.entity, term.key);
    if (field == ExperimentField::tag) fail(Code::invalid_argument, "Invalid order_by entity: {}", term.entity);
    order.push_back({field, "", term.descending});
  }
  return order;
}

std::vector<Condition<LoggedModelField>> logged_model_conditions(std::string_view filter) {
  std::vector<Condition<LoggedModelField>> conditions;
  for (auto& c : parse_filter(filter)) {
    LoggedModelField field = logged_model_field(c.entity, c.key);
    Operand operand = logged_model_operand(field, c);
    conditions.push_back({field, std::move(c.key), c.compare, std::move(operand)});
  }
  return conditions;
}

OrderBy<LoggedModelField> logged_model_order(const std::string& field_name, bool ascending) {
  OrderTerm term = parse_order(field_name);
  LoggedModelField field = logged_model_field(term.entity, term.key);
  if (field == LoggedModelField::param || field == LoggedModelField::tag) {
    fail(Code::invalid_argument, "Invalid order by field name: {}", field_name);
  }
  return {field, field == LoggedModelField::metric ? term.key : "", !ascending};
}

}  // namespace fettle::api::mlflow
