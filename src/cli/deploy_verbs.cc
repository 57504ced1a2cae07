// endpoints, rollout, predict.
#include <cstdio>

#include "base/file.h"
#include "base/text.h"
#include "base/uri.h"
#include "cli/verb.h"

namespace fettle::cli {
namespace {

const std::vector<ColumnSpec> kRollouts = {{"ID", "id"},
                                           {"ENDPOINT", "endpoint"},
                                           {"STATE", "state"},
                                           {"STABLE", "stable"},
                                           {"CANDIDATE", "candidate"},
                                           {"WEIGHT %", "weight_percent", CellKind::number},
                                           {"ROWS", "candidate_rows", CellKind::integer},
                                           {"STARTED", "started_at_ms", CellKind::time},
                                           {"REASON", "reason"}};

int list_endpoints(const Context& context) {
  context.print(context.api.get("/endpoints"), {{"NAME", "name"},
                                                {"STATE", "state"},
                                                {"MODEL", "model"},
                                                {"REVISION", "revision.number", CellKind::integer},
                                                {"ROLLOUT", "rollout"},
                                                {"ROWS", "rows", CellKind::integer},
                                                {"ERRORS", "errors", CellKind::integer},
                                                {"REQUESTS/S", "requests_per_s", CellKind::number}});
  return kDone;
}

int show_endpoint(const Context& context) {
  json::Value endpoint = context.api.get("/endpoints/" + percent_encode(context.name(0, "an endpoint")));
  if (context.json) {
    context.print(endpoint);
    return kDone;
  }
  std::printf("%s  %s  %s\n", endpoint.at("name").as_string().c_str(), endpoint.at("state").as_string().c_str(),
              format_cell(find_path(endpoint, "reason"), CellKind::text, {}).c_str());
  json::Object traffic{{"items", endpoint.at("traffic")}};
  context.print(traffic, {{"ARM", "arm"},
                          {"MODEL", "model"},
                          {"VERSION", "version"},
                          {"WEIGHT %", "weight_percent", CellKind::number},
                          {"ROWS", "rows", CellKind::integer},
                          {"ERRORS", "errors", CellKind::integer},
                          {"P50 MS", "latency_ms.p50", CellKind::number},
                          {"P99 MS", "latency_ms.p99", CellKind::number},
                          {"CONFIDENCE", "confidence_mean", CellKind::number},
                          {"OOD", "ood_rate", CellKind::percent}});
  return kDone;
}

int start_rollout(const Context& context) {
  const std::string& endpoint = context.name(0, "an endpoint");
  json::Object request{
      {"candidate", context.parsed.get("--candidate")}, {"by", "cli"}, {"reason", context.parsed.get("--reason")}};
  if (!context.parsed.has("--candidate"))
    fail(Code::invalid_argument, "--candidate MODEL is missing, e.g. flights-delay/2");
  if (context.parsed.has("--override-gate"))
    request["override_gate"] = json::Object{{"reason", context.parsed.get("--override-gate")}};
  if (context.parsed.has("--steps")) {
    json::Array steps;
    for (std::string_view weight : split(context.parsed.get("--steps"), ',')) {
      auto percent = parse_double(trim(weight));
      if (!percent)
        fail(Code::invalid_argument, "--steps '{}': expected weights such as 10,50,100", context.parsed.get("--steps"));
      steps.push_back(json::Object{{"weight_percent", *percent}});
    }
    request["steps"] = steps;
  }
  json::Value rollout = context.api.post("/endpoints/" + percent_encode(endpoint) + "/rollouts", request);
  if (context.json) {
    context.print(rollout);
  } else {
    context.say(fmt::format("started rollout/{}: {} on {}", rollout.at("id").as_string().c_str(),
                            rollout.at("candidate").as_string().c_str(), endpoint));
    context.hint(fmt::format("fettle rollout status {}", rollout.at("id").as_string().c_str()));
  }
  return kDone;
}

int list_rollouts(const Context& context) {
  std::string path = "/rollouts?";
  if (!context.parsed.names.empty()) path += "endpoint=" + percent_encode(context.parsed.names[0]);
  context.print(context.api.get(path), kRollouts);
  return kDone;
}

int rollout_status(const Context& context) {
  json::Value rollout = context.api.get("/rollouts/" + percent_encode(context.name(0, "a rollout's id")));
  if (context.json) {
    context.print(rollout);
  } else {
    std::printf("rollout/%s  %s: %s\n\n", rollout.at("id").as_string().c_str(), rollout.at("state").as_string().c_str(),
                rollout.at("reason").as_string().c_str());
    context.print(json::Object{{"items", rollout.at("history")}}, {{"WHEN", "at_ms", CellKind::time},
                                                                   {"FROM", "from"},
                                                                   {"TO", "to"},
                                                                   {"WEIGHT %", "weight_percent", CellKind::number},
                                                                   {"VERDICT", "verdict"},
                                                                   {"REASON", "reason"},
                                                                   {"BY", "by"}});
  }
  std::string_view state = rollout.at("state").as_string();
  return state == "rolled_back" || state == "failed" ? kNeedsYou : kDone;
}

int command(const Context& context, const char* verb) {
  std::string path = fmt::format("/rollouts/{}/{}", percent_encode(context.name(0, "a rollout's id")), verb);
  json::Value rollout = context.api.post(path, json::Object{{"by", "cli"}, {"reason", context.parsed.get("--reason")}});
  if (context.json) {
    context.print(rollout);
  } else {
    context.say(fmt::format("rollout/{} is {}: {}", rollout.at("id").as_string().c_str(),
                            rollout.at("state").as_string().c_str(), rollout.at("reason").as_string().c_str()));
  }
  return kDone;
}

int predict(const Context& context) {
  std::string body = context.parsed.get("--data");
  if (body.empty())
    fail(Error{Code::invalid_argument,
               "no input",
               {},
               "give a request of the Open Inference Protocol with -d JSON, -d @FILE or -d -"});
  if (body == "-") body = read_file("/dev/stdin");
  if (body.starts_with('@')) body = read_file(body.substr(1));
  std::string answer = context.api.text(
      "POST", "/v2/models/" + percent_encode(context.name(0, "an endpoint or model")) + "/infer", body);
  std::printf(
      "%s\n",
      json::format(json::parse(answer, {.allow_nan = true}), {.indent = context.style.terminal ? 2 : 0}).c_str());
  return kDone;
}

}  // namespace

std::span<const Verb> deploy_verbs() {
  static const std::vector<OptionSpec> kReason = {{"--reason", "", true, "kept in the history"}};
  static const Verb kVerbs[] = {
      {"endpoints list", "", "what is served", "", {}, list_endpoints},
      {"endpoints show",
       "ENDPOINT",
       "traffic split and figures of one endpoint",
       "  fettle endpoints show flights",
       {},
       show_endpoint},
      {"predict",
       "ENDPOINT|MODEL -d JSON",
       "one request of the Open Inference Protocol",
       "  fettle predict flights -d @request.json",
       {{"--data", "-d", true, "JSON, @FILE or - for standard input"}},
       predict},
      {"rollout list", "[ENDPOINT]", "rollouts, newest first", "", {}, list_rollouts},
      {"rollout start",
       "ENDPOINT --candidate MODEL",
       "canary a version in steps",
       "  fettle rollout start flights --candidate flights-delay/2\n  fettle rollout start flights --candidate "
       "flights-delay/3 --steps 10,50,100",
       {{"--candidate", "", true, "NAME/VERSION or NAME@ALIAS"},
        {"--steps", "", true, "weights in percent, 10,50,100"},
        {"--override-gate", "", true, "pass the gate by force, with this reason on record"},
        {"--reason", "", true, "kept in the history"}},
       start_rollout},
      {"rollout status", "ID", "state and history; exit code 2 when it ended badly", "", {}, rollout_status},
      {"rollout pause", "ID", "hold the weight", "", kReason, [](const Context& c) { return command(c, "pause"); }},
      {"rollout resume", "ID", "go on", "", kReason, [](const Context& c) { return command(c, "resume"); }},
      {"rollout promote", "ID", "skip the rest of the step", "", kReason,
       [](const Context& c) { return command(c, "promote"); }},
      {"rollout abort", "ID", "stable gets all traffic at once", "", kReason,
       [](const Context& c) { return command(c, "abort"); }},
      {"rollout rollback", "ID", "back to the previous version, also after success", "", kReason,
       [](const Context& c) { return command(c, "rollback"); }},
  };
  return kVerbs;
}

}  // namespace fettle::cli
