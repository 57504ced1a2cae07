#include <optional>

#include "api/mlflow/filter.h"
#include "api/mlflow/searches.h"
#include "base/error.h"
#include "base/text.h"
#include "registry/names.h"

namespace fettle::api::mlflow {
namespace {

using registry::ModelField;
using registry::VersionField;

// A clause on the prompt tag chooses the namespace and is dropped (spec 1.11).
bool take_prompt_clause(const Comparison& c, bool& prompts) {
  if (c.key != registry::kPromptTag || (c.entity != "tag" && c.entity != "tags")) return false;
  prompts = c.compare == Compare::eq && iequals(c.literal.text, "true");
  return true;
}

bool is_tag(std::string_view entity) { return entity == "tag" || entity == "tags"; }

void check_attribute_entity(std::string_view entity) {
  if (entity.empty() || entity == "attribute" || entity == "attributes") return;
  fail(Code::invalid_argument, "Invalid entity type '{}'. Valid values are ['tag', 'attribute']", entity);
}

VersionField version_attribute(std::string_view key) {
  if (key == "name") return VersionField::name;
  if (key == "run_id") return VersionField::run_id;
  if (key == "version_number") return VersionField::version;
  if (key == "source_path") return VersionField::source;
  fail(Code::invalid_argument,
       "Invalid attribute key '{}' specified. Valid keys are 'name, run_id, source_path, version_number'", key);
}

Operand version_operand(VersionField field, const Comparison& c) {
  if (field == VersionField::version) {
    check_comparator(c, Comparators::numeric);
    return integer_operand(c, c.key);
  }
  bool list = field == VersionField::name || field == VersionField::run_id;
  check_comparator(c, list ? Comparators::text_and_list : Comparators::text);
  return text_operand(c, c.key);
}

}  // namespace

void set_model_conditions(registry::ModelQuery& query, std::string_view filter) {
  for (auto& c : parse_filter(filter)) {
    if (take_prompt_clause(c, query.prompts)) continue;
    bool tag = is_tag(c.entity);
    if (!tag) check_attribute_entity(c.entity);
    if (!tag && c.key != "name") {
      fail(Code::invalid_argument, "Invalid attribute key '{}' specified. Valid keys are 'name'", c.key);
    }
    check_comparator(c, tag ? Comparators::text : Comparators::text_and_list);
    Operand operand = text_operand(c, tag ? "tag" : "name");
    query.conditions.push_back(
        {tag ? ModelField::tag : ModelField::name, std::move(c.key), c.compare, std::move(operand)});
  }
}

std::vector<OrderBy<ModelField>> model_order(const std::vector<std::string>& clauses) {
  std::vector<OrderBy<ModelField>> order;
  for (const auto& clause : clauses) {
    OrderTerm term = parse_order(clause);
    bool time = term.key == "timestamp" || term.key == "last_updated_timestamp";
    if ((!time && term.key != "name") || is_tag(term.entity)) {
      fail(Code::invalid_argument,
           "Invalid order by key '{}' specified. Valid keys are 'name, timestamp, last_updated_timestamp'", term.key);
    }
    order.push_back({time ? ModelField::updated : ModelField::name, "", term.descending});
  }
  return order;
}

void set_version_conditions(registry::VersionQuery& query, std::string_view filter) {
  for (auto& c : parse_filter(filter)) {
    if (take_prompt_clause(c, query.prompts)) continue;
    if (is_tag(c.entity)) {
      check_comparator(c, Comparators::text);
      Operand operand = text_operand(c, "tag");
      query.conditions.push_back({VersionField::tag, std::move(c.key), c.compare, std::move(operand)});
      continue;
    }
    check_attribute_entity(c.entity);
    VersionField field = version_attribute(c.key);
    Operand operand = version_operand(field, c);
    query.conditions.push_back({field, "", c.compare, std::move(operand)});
  }
}

std::vector<OrderBy<VersionField>> version_order(const std::vector<std::string>& clauses) {
  std::vector<OrderBy<VersionField>> order;
  for (const auto& clause : clauses) {
    OrderTerm term = parse_order(clause);
    std::optional<VersionField> field;
    if (term.key == "name") field = VersionField::name;
    if (term.key == "version_number") field = VersionField::version;
    if (term.key == "creation_timestamp") field = VersionField::created;
    if (term.key == "last_updated_timestamp") field = VersionField::updated;
    if (!field || is_tag(term.entity)) {
      fail(Code::invalid_argument,
           "Invalid order by key '{}' specified. Valid keys are 'creation_timestamp, last_updated_timestamp, name, "
           "version_number'",
           term.key);
    }
    order.push_back({*field, "", term.descending});
  }
  return order;
}

}  // namespace fettle::api::mlflow
