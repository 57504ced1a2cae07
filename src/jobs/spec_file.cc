#include "jobs/job.h"
#include "json/json.h"

namespace fettle::jobs {

std::string format_spec(const Spec& spec) {
  json::Object object;
  object["command"] = json::Array(spec.command.begin(), spec.command.end());
  object["directory"] = spec.directory;
  json::Object environment;
  for (const auto& [name, value] : spec.environment) environment[name] = value;
  object["environment"] = environment;
  object["timeout_ms"] = spec.timeout_ms;
  object["memory_bytes"] = spec.memory_bytes;
  return json::format(object);
}

Spec parse_spec(std::string_view text) {
  json::Value value = json::parse(text);
  json::Problems problems;
  json::Reader in(value, problems);
  Spec spec;
  spec.command = in.strings_or("command", {});
  spec.directory = in.string("directory");
  spec.timeout_ms = in.integer_or("timeout_ms", spec.timeout_ms);
  spec.memory_bytes = in.integer_or("memory_bytes", 0);
  json::Reader environment = in.object("environment");
  for (const auto& item : environment.fields()) spec.environment[item.key()] = environment.string(item.key());
  problems.check();
  return spec;
}

}  // namespace fettle::jobs
