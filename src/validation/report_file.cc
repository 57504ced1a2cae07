#include "json/json.h"
#include "validation/report.h"

namespace fettle::validation {
namespace {

json::Value optional_number(const std::optional<double>& value) { return value ? json::Value(*value) : json::Value(); }

std::optional<double> read_number(json::Reader& in, std::string_view key) {
  if (!in.has(key)) return std::nullopt;
  return in.number(key);
}

}  // namespace

std::string format_checks(const std::vector<Check>& checks) {
  json::Array array;
  for (const auto& check : checks) {
    json::Object object;
    object["group"] = check.group;
    object["name"] = check.name;
    object["slice"] = check.slice;
    object["verdict"] = std::string(verdict_name(check.verdict));
    object["value"] = optional_number(check.value);
    object["champion"] = optional_number(check.champion);
    object["difference"] = optional_number(check.difference);
    object["interval"] = check.low && check.high ? json::Value(json::Array{*check.low, *check.high}) : json::Value();
    object["threshold"] = optional_number(check.threshold);
    object["rows"] = check.rows;
    object["message"] = check.message;
    array.push_back(object);
  }
  return json::format(array);
}

std::vector<Check> parse_checks(std::string_view text) {
  json::Value document = json::Object{{"checks", json::parse(text)}};
  json::Problems problems;
  json::Reader in(document, problems);
  std::vector<Check> checks;
  in.each("checks", [&](json::Reader& item) {
    Check check;
    check.group = item.string("group");
    check.name = item.string("name");
    check.slice = item.string_or("slice", "");
    check.verdict = parse_verdict(item.string("verdict")).value_or(Verdict::not_run);
    check.value = read_number(item, "value");
    check.champion = read_number(item, "champion");
    check.difference = read_number(item, "difference");
    if (const json::Value* interval = item.find("interval");
        interval != nullptr && interval->is_array() && interval->get_array().size() == 2) {
      check.low = interval->get_array()[0].to_number<double>();
      check.high = interval->get_array()[1].to_number<double>();
    }
    check.threshold = read_number(item, "threshold");
    check.rows = item.integer_or("rows", 0);
    check.message = item.string_or("message", "");
    checks.push_back(std::move(check));
  });
  problems.check();
  return checks;
}

}  // namespace fettle::validation
