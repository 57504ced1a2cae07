#include "api/fettle/gates.h"

#include "api/fettle/route.h"

namespace fettle::api {
namespace {

using validation::Report;
using validation::Validation;

json::Object report_json(const Report& report) {
  json::Value champion;
  if (!report.champion_version.empty())
    champion = json::Object{{"version", report.champion_version}, {"run_id", report.champion_run}};
  return {
      {"id", report.id},
      {"gate", report.gate},
      {"gate_generation", report.gate_generation},
      {"verdict", std::string(validation::verdict_name(report.verdict))},
      {"reason", report.reason},
      {"model", report.model},
      {"candidate", json::Object{{"version", report.candidate_version}, {"run_id", report.candidate_run}}},
      {"champion", champion},
      {"data", json::Object{{"source", report.data_source}, {"rows", report.data_rows}, {"hash", report.data_hash}}},
      {"started_at_ms", report.started_at_ms},
      {"took_ms", report.took_ms},
      {"by", report.by},
      {"checks", json::parse(validation::format_checks(report.checks))}};
}

validation::DataRequest read_data(json::Reader in) {
  if (in.has("artifact") == in.has("labelled")) {
    in.problem("artifact", "expected exactly one of 'artifact' and 'labelled'");
    return validation::LabelledWindow{};
  }
  if (in.has("artifact")) {
    json::Reader artifact = in.object("artifact");
    return validation::ArtifactData{artifact.string("run_id"), artifact.string("path"),
                                    artifact.string_or("label_column", "")};
  }
  json::Reader labelled = in.object("labelled");
  if (labelled.has("monitor"))
    return validation::LabelledWindow{labelled.string("monitor"), labelled.string_or("window", "latest")};
  return validation::LabelledRange{labelled.string("endpoint"), labelled.integer("from_ms"), labelled.integer("to_ms")};
}

// "models:/NAME/2", "NAME/2", "NAME@alias" or a bare version, of the gate's model.
std::string version_of(std::string text, const std::string& model) {
  if (text.starts_with("models:/")) text = text.substr(8);
  if (text.starts_with(model + "/")) return text.substr(model.size() + 1);
  if (text.starts_with(model + "@")) return text.substr(model.size());
  return text;
}

http::Response run(Validation& validation, const http::Request& request) {
  std::string name(request.param("name"));
  auto gate = validation.find_gate(name);
  if (!gate) fail(Code::not_found, "no gate '{}'", name);
  json::Value body = read_json(request);
  json::Problems problems;
  json::Reader in(body, problems);
  validation::RunRequest wanted{.gate = name};
  wanted.candidate = version_of(in.string("candidate"), gate->model);
  wanted.champion = version_of(in.string_or("champion", ""), gate->model);
  wanted.data = read_data(in.object("data", true));
  wanted.by = author_of(request, in);
  in.refuse_unknown();
  problems.check();
  return json_response(report_json(validation.run(wanted)), 201);
}

http::Response list_gates(Validation& validation) {
  json::Array items;
  for (const auto& gate : validation.gates()) {
    json::Value last;
    auto reports = validation.list_reports({.gate = gate.name, .limit = 1});
    if (!reports.empty()) {
      last = json::Object{{"id", reports[0].id},
                          {"verdict", std::string(validation::verdict_name(reports[0].verdict))},
                          {"at_ms", reports[0].started_at_ms}};
    }
    items.push_back(json::Object{{"name", gate.name},
                                 {"model", gate.model},
                                 {"generation", gate.generation},
                                 {"spec", json::parse(gate.spec)},
                                 {"last_report", last}});
  }
  return list_response(std::move(items), {.limit = 1'000'000}, "");
}

http::Response list_reports(Validation& validation, const http::Request& request) {
  ListPage page = read_list_page(request);
  validation::ReportFilter filter{.gate = query_or_empty(request, "gate"),
                                  .model = query_or_empty(request, "model"),
                                  .version = query_or_empty(request, "version"),
                                  .verdict = query_or_empty(request, "verdict"),
                                  .before = page.before,
                                  .limit = page.limit};
  json::Array items;
  std::string last;
  for (const auto& report : validation.list_reports(filter)) {
    items.push_back(report_json(report));
    last = report.id;
  }
  return list_response(std::move(items), page, last, validation.count_reports(filter));
}

std::string wanted_format(const http::Request& request) {
  if (auto format = request.find_query("format")) return *format;
  std::string_view accept = request.headers.get("accept");
  if (accept.find("text/markdown") != std::string_view::npos) return "md";
  if (accept.find("application/xml") != std::string_view::npos && accept.find("text/html") == std::string_view::npos)
    return "junit";
  return "json";
}

http::Response show_report(Validation& validation, const http::Request& request) {
  std::string id(request.param("id"));
  auto report = validation.find_report(id);
  if (!report) fail(Code::not_found, "no gate report '{}'", id);
  std::string format = wanted_format(request);
  http::Response response;
  if (format == "json") {
    response = json_response(report_json(*report));
  } else if (format == "md") {
    response = http::Response::text(200, validation::format_markdown(*report), "text/markdown; charset=utf-8");
  } else if (format == "junit") {
    response = http::Response::text(200, validation::format_junit(*report), "application/xml");
  } else {
    fail(Code::invalid_argument, "format={}: expected json, md or junit", format);
  }
  response.headers.set("cache-control", "private, max-age=31536000, immutable");
  return response;
}

}  // namespace

std::vector<http::Route> gate_routes(Validation& validation) {
  return {
      rest_route("GET", "/gates", [&validation](http::Request&) { return list_gates(validation); }),
      rest_route("POST", "/gates/{name}/runs",
                 [&validation](http::Request& request) { return run(validation, request); }),
      rest_route("GET", "/gate-reports",
                 [&validation](http::Request& request) { return list_reports(validation, request); }),
      rest_route("GET", "/gate-reports/{id}",
                 [&validation](http::Request& request) { return show_report(validation, request); }),
  };
}

}  // namespace fettle::api
