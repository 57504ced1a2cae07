// plan, apply, export, lineage, api.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>

#include "base/file.h"
#include "base/uri.h"
#include "cli/verb.h"
#include "yaml/yaml.h"

namespace fettle::cli {
namespace {

constexpr uint64_t kResourceFileLimit = 16 << 20;

// All documents of YAML files: a file, or a directory's *.yaml and *.yml in name order.
json::Array read_documents(const std::vector<std::string>& paths) {
  std::vector<std::filesystem::path> files;
  for (const auto& path : paths) {
    if (!std::filesystem::is_directory(path)) {
      files.emplace_back(path);
      continue;
    }
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      auto extension = entry.path().extension();
      if (entry.is_regular_file() && (extension == ".yaml" || extension == ".yml")) found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    if (found.empty()) fail(Code::invalid_argument, "'{}' holds no .yaml files", path);
    files.insert(files.end(), found.begin(), found.end());
  }
  json::Array documents;
  for (const auto& file : files) {
    std::vector<json::Value> found;
    try {
      found = yaml::parse_all(read_file(file, kResourceFileLimit));
    } catch (const Failure& failure) {
      fail(Code::invalid_argument, "{}: {}", file.string(), failure.what());
    }
    for (auto& document : found) {
      if (!document.is_null()) documents.push_back(std::move(document));
    }
  }
  return documents;
}

json::Object request_of(const Context& context) {
  auto paths = context.parsed.all("--file");
  if (paths.empty()) paths = context.parsed.names;
  if (paths.empty()) fail(Error{Code::invalid_argument, "which files?", {}, "name a file or directory with -f"});
  return {{"documents", read_documents(paths)},
          {"prune", context.parsed.has("--prune")},
          {"force_owner", context.parsed.has("--force-owner")}};
}

std::string text_of(const json::Value& value) {
  return value.is_null() ? "(default)" : format_cell(&value, CellKind::text, {});
}

void print_changes(const Context& context, const json::Value& plan) {
  if (context.json) return context.print(plan);
  static const std::map<std::string_view, std::string_view> kSigns = {
      {"create", "+"}, {"update", "~"}, {"delete", "-"}, {"replace", "±"}};
  for (const auto& change : plan.at("changes").as_array()) {
    std::string_view action = change.at("action").as_string();
    if (action == "unchanged") continue;
    std::printf("%s %s/%s\n", std::string(kSigns.at(action)).c_str(), change.at("kind").as_string().c_str(),
                change.at("name").as_string().c_str());
    if (action != "update") continue;
    for (const auto& field : change.at("fields").as_array()) {
      std::printf("    %s: %s → %s\n", field.at("path").as_string().c_str(), text_of(field.at("from")).c_str(),
                  text_of(field.at("to")).c_str());
    }
  }
  for (const auto& conflict : plan.at("conflicts").as_array()) {
    std::printf("! %s/%s %s: '%s' set it to %s, the files want %s\n", conflict.at("kind").as_string().c_str(),
                conflict.at("name").as_string().c_str(), conflict.at("path").as_string().c_str(),
                conflict.at("owner").as_string().c_str(), text_of(conflict.at("live")).c_str(),
                text_of(conflict.at("wanted")).c_str());
  }
}

int64_t count(const json::Value& plan, const char* what) { return plan.at("summary").at(what).to_number<int64_t>(); }

std::string summary_of(const json::Value& plan, bool done) {
  int64_t changes = count(plan, "create") + count(plan, "update") + count(plan, "delete") + count(plan, "replace");
  if (changes == 0)
    return fmt::format("nothing to change: {} resources are as the files say", count(plan, "unchanged"));
  return fmt::format("{} {}, {} {}, {} {}, {} unchanged", count(plan, "create"), done ? "created" : "to create",
                     count(plan, "update"), done ? "updated" : "to update", count(plan, "delete"),
                     done ? "deleted" : "to delete", count(plan, "unchanged"));
}

int plan(const Context& context) {
  json::Value answer = context.api.post("/plan", request_of(context));
  print_changes(context, answer);
  context.say(summary_of(answer, false));
  bool changes = !summary_of(answer, false).starts_with("nothing");
  if (changes) context.hint("fettle apply with the same -f");
  return changes && context.parsed.has("--exit-code") ? kNeedsYou : kDone;
}

int apply(const Context& context) {
  json::Object request = request_of(context);
  request["by"] = "cli";
  request["reason"] = context.parsed.get("--reason");
  json::Value answer = context.api.post("/apply", request);
  print_changes(context, answer);
  context.say(summary_of(answer, true));
  return kDone;
}

int export_resources(const Context& context) {
  std::string kind = context.parsed.names.empty() ? "" : "&kind=" + percent_encode(context.parsed.names[0]);
  if (context.json) {
    context.print(context.api.get("/resources?format=json" + kind));
  } else {
    std::fputs(context.api.text("GET", "/resources?format=yaml" + kind).c_str(), stdout);
  }
  return kDone;
}

int resources(const Context& context) {
  context.print(context.api.get("/resources"), {{"KIND", "kind"},
                                                {"NAME", "name"},
                                                {"GENERATION", "generation", CellKind::integer},
                                                {"OWNER", "owner"},
                                                {"UPDATED", "updated_at_ms", CellKind::time}});
  return kDone;
}

void print_side(const json::Value& graph, const TableStyle& style, bool up) {
  std::vector<const json::Value*> nodes;
  for (const auto& node : graph.at("nodes").as_array()) {
    int64_t depth = node.at("depth").to_number<int64_t>();
    if (up ? depth < 0 : depth > 0) nodes.push_back(&node);
  }
  std::stable_sort(nodes.begin(), nodes.end(), [](const json::Value* a, const json::Value* b) {
    return a->at("depth").to_number<int64_t>() < b->at("depth").to_number<int64_t>();
  });
  for (const json::Value* node : nodes) {
    std::string line =
        fmt::format("  {:<17} {}", node->at("kind").as_string().c_str(), node->at("id").as_string().c_str());
    std::string_view name = node->at("name").as_string();
    if (name != node->at("id").as_string() && !name.empty()) line += fmt::format("  {}", name);
    for (const auto& attribute : node->at("attributes").as_object()) {
      line += fmt::format("  {}={}", std::string_view(attribute.key()),
                          format_cell(&attribute.value(), CellKind::text, style));
    }
    std::printf("%s\n", line.c_str());
  }
}

int lineage(const Context& context) {
  std::string path = "/lineage?id=" + percent_encode(context.name(0, "an id"));
  if (auto up = context.parsed.integer("--up")) path += fmt::format("&up={}", *up);
  int64_t down = context.parsed.integer("--down").value_or(context.parsed.has("--impact") ? 20 : 2);
  path += fmt::format("&down={}", down);
  json::Value graph = context.api.get(path);
  if (context.json) {
    context.print(graph);
    return kDone;
  }
  std::printf("causes\n");
  print_side(graph, context.style, true);
  std::printf("%s\n", graph.at("root").as_string().c_str());
  std::printf("effects\n");
  print_side(graph, context.style, false);
  if (graph.at("truncated").as_bool())
    context.hint("the graph was cut; ask from a nearer object, or with --up and --down");
  return kDone;
}

int api(const Context& context) {
  std::string body = context.parsed.get("--data");
  if (body.starts_with('@')) body = read_file(body.substr(1));
  std::fputs((context.api.text(context.name(0, "a method"), context.name(1, "a path"), body) + "\n").c_str(), stdout);
  return kDone;
}

}  // namespace

std::span<const Verb> platform_verbs() {
  static const std::vector<OptionSpec> kFiles = {{"--file", "-f", true, "a YAML file or a directory of them (repeat)"},
                                                 {"--prune", "", false, "remove what the files do not have"},
                                                 {"--force-owner", "", false, "overwrite edits made elsewhere"},
                                                 {"--exit-code", "", false, "2 when there are changes"},
                                                 {"--reason", "", true, "kept in the history"}};
  static const Verb kVerbs[] = {
      {"plan", "-f PATH", "what apply would change", "  fettle plan -f examples/flights/platform", kFiles, plan},
      {"apply", "-f PATH", "make the server's resources as the files say",
       "  fettle apply -f examples/flights/platform\n  fettle apply -f platform --prune --reason 'retire v1'", kFiles,
       apply},
      {"export",
       "[KIND]",
       "the resources as YAML that apply takes back",
       "  fettle export > platform.yaml\n  fettle export Endpoint",
       {},
       export_resources},
      {"resources", "", "what is declared, who owns it", "", {}, resources},
      {"lineage",
       "ID",
       "what made this, and what it affects",
       "  fettle lineage models:/flights-delay/2\n  fettle lineage prediction/01J…/0\n  fettle lineage md5:… --impact",
       {{"--up", "", true, "steps towards causes (20)"},
        {"--down", "", true, "steps towards effects (2)"},
        {"--impact", "", false, "everything affected"}},
       lineage},
      {"api",
       "METHOD PATH",
       "send a request and print the answer",
       "  fettle api GET /metrics\n  fettle api POST /plan -d @request.json",
       {{"--data", "-d", true, "JSON, or @FILE"}},
       api},
  };
  return kVerbs;
}

}  // namespace fettle::cli
