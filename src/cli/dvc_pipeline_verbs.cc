// repro, stage, run, dag.
#include <algorithm>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/dvc_call.h"
#include "cli/dvc_stage_reports.h"
#include "pipelines/repro.h"
#include "pipelines/stage_add.h"

namespace fettle::cli {
namespace {

namespace fs = std::filesystem;
using pipelines::Project;

// What a reproduction needs from outside, alive as long as it runs.
struct Edge {
  Edge(const DvcCall& call, data::RepositoryLock& lock) {
    edge.say = [&call](std::string_view line) {
      call.say(line);
      std::fflush(stdout);  // before the stage's own output
    };
    edge.warn = [](std::string_view line) { complain(fmt::format("WARNING: {}", line)); };
    edge.environment = [this](const pipelines::Stage& stage, const std::string& id) {
      return reporter.environment(stage, id);
    };
    edge.report = [this](const pipelines::StageReport& report) { reporter.report(report); };
    edge.lock = &lock;
    edge.clock = &clock;
  }
  StageReporter reporter;
  SystemClock clock;
  pipelines::ReproEdge edge;
};

int repro(DvcCall& call) {
  data::Repository repository = data::Repository::open(call.cwd);
  data::RepositoryLock lock = repository.lock(call.wait_for_lock);
  Project project(repository, call.cwd);
  pipelines::ReproOptions options{.force = call.has("force"),
                                  .single_item = call.has("single-item"),
                                  .pipeline = call.has("pipeline"),
                                  .all_pipelines = call.has("all-pipelines"),
                                  .recursive = call.has("recursive"),
                                  .downstream = call.has("downstream"),
                                  .force_downstream = call.has("force-downstream"),
                                  .allow_missing = call.has("allow-missing"),
                                  .dry = call.has("dry"),
                                  .keep_going = call.has("keep-going"),
                                  .ignore_errors = call.has("ignore-errors"),
                                  .no_commit = call.has("no-commit"),
                                  .no_run_cache = call.has("no-run-cache")};
  if (call.has("pull") || call.has("interactive") || call.has("glob")) {
    fail(Code::unimplemented, "'repro --pull', '--interactive' and '--glob' are not there yet");
  }
  Edge edge(call, lock);
  pipelines::ReproResult result = pipelines::reproduce(project, call.targets(), options, edge.edge);
  for (const std::string& failure : result.failures) complain("ERROR: " + failure);
  git_hint(call, repository, result.changed_files);
  if (result.executed > 0) {
    call.say("Use `dvc push` to send your updates to remote storage.");
  } else if (result.failures.empty()) {
    call.say("Data and pipelines are up to date.");
  }
  return !result.failures.empty() && !options.ignore_errors ? 255 : 0;
}

void add_outs(const DvcCall& call, std::string_view option, pipelines::OutputRequest like,
              std::vector<pipelines::OutputRequest>& out) {
  for (const std::string& path : call.options.all(option)) {
    like.path = path;
    out.push_back(like);
  }
}

pipelines::StageRequest request_of(const DvcCall& call) {
  using Kind = data::OutputKind;
  pipelines::StageRequest request;
  request.name = call.options.get_or("name", "");
  request.command = pipelines::command_line_of(call.targets());
  request.directory = call.options.get_or("wdir", "");
  request.deps = call.options.all("deps");
  request.params = call.options.all("params");
  add_outs(call, "outs", {}, request.outs);
  add_outs(call, "outs-no-cache", {.cached = false}, request.outs);
  add_outs(call, "outs-persist", {.persist = true}, request.outs);
  add_outs(call, "outs-persist-no-cache", {.cached = false, .persist = true}, request.outs);
  add_outs(call, "metrics", {.kind = Kind::metric}, request.outs);
  add_outs(call, "metrics-no-cache", {.kind = Kind::metric, .cached = false}, request.outs);
  add_outs(call, "plots", {.kind = Kind::plot}, request.outs);
  add_outs(call, "plots-no-cache", {.kind = Kind::plot, .cached = false}, request.outs);
  request.always_changed = call.has("always-changed");
  request.replace = call.has("force");
  request.description = call.options.get_or("desc", "");
  return request;
}

int add_and_run(DvcCall& call, const pipelines::StageRequest& request, bool run) {
  data::Repository repository = data::Repository::open(call.cwd);
  data::RepositoryLock lock = repository.lock(call.wait_for_lock);
  std::vector<fs::path> changed;
  {
    Project project(repository, call.cwd);
    pipelines::AddedStage added = pipelines::add_stage(project, request);
    call.say(fmt::format("{} stage '{}' in 'dvc.yaml'", added.replaced ? "Modifying" : "Added", request.name));
    changed = added.changed_files;
  }
  if (run) {
    Project project(repository, call.cwd);
    Edge edge(call, lock);
    size_t stage = project.find(request.name, Project::TargetKind::stages_only).at(0).stage;
    for (fs::path& file : pipelines::run_stage(project, stage, edge.edge).changed_files) {
      if (std::find(changed.begin(), changed.end(), file) == changed.end()) changed.push_back(std::move(file));
    }
  }
  git_hint(call, repository, changed);
  return 0;
}

int stage_add(DvcCall& call) {
  if (!call.has("name")) throw DvcUsageError("the following arguments are required: -n/--name");
  return add_and_run(call, request_of(call), call.has("run"));
}

// DVC 2's `run`: makes a stage and runs it. Without -d, what the command names and exists becomes a dependency.
int run(DvcCall& call) {
  if (!call.has("name") || call.targets().empty()) {
    complain("ERROR: 'run' needs the name of a stage and the command that it runs");
    complain(
        "fix: fettle run -n NAME [-d FILE] [-o FILE] COMMAND     for example: fettle run -n preprocess -o "
        "data/clean.csv python preprocess.py");
    return 254;
  }
  pipelines::StageRequest request = request_of(call);
  request.replace = true;
  if (request.deps.empty())
    request.deps = pipelines::files_named_in(call.cwd / request.directory, call.targets(), request.outs);
  std::string spelling = "fettle stage add -n " + request.name;
  for (const std::string& dep : request.deps) spelling += " -d " + dep;
  for (const pipelines::OutputRequest& out : request.outs) spelling += " -o " + out.path;
  if (!call.quiet) complain(fmt::format("note: 'run' is the old spelling of: {} --run {}", spelling, request.command));
  return add_and_run(call, request, !call.has("no-exec"));
}

std::string describe(const Project& project, const pipelines::Stage& stage) {
  if (!stage.description.empty()) return std::string(trim(stage.description.substr(0, stage.description.find('\n'))));
  std::vector<std::string> parts;
  auto list = [&](const char* label, auto wanted) {
    std::vector<std::string> paths;
    for (const data::Output& out : stage.outs) {
      if (wanted(out)) paths.push_back(pipelines::shown_path(out.location, project.cwd()));
    }
    if (!paths.empty()) parts.push_back(std::string(label) + " " + join(paths, ", "));
  };
  list("Outputs", [](const data::Output& out) { return out.kind == data::OutputKind::plain; });
  list("Reports", [](const data::Output& out) { return out.kind != data::OutputKind::plain; });
  if (!parts.empty()) return join(parts, "; ");
  std::vector<std::string> deps;
  for (const data::Output& dep : stage.deps) deps.push_back(pipelines::shown_path(dep.location, project.cwd()));
  return deps.empty() ? "No outputs or dependencies" : "Depends on " + join(deps, ", ");
}

int stage_list(DvcCall& call) {
  data::Repository repository = data::Repository::open(call.cwd);
  Project project(repository, call.cwd);
  std::vector<std::pair<std::string, std::string>> rows;
  size_t width = 0;
  fs::path here = call.cwd / "dvc.yaml";
  for (size_t i = 0; i < project.stages().size(); ++i) {
    const pipelines::Stage& stage = project.stages()[i];
    if (!call.has("all") && call.targets().empty() && stage.file != here) continue;
    rows.emplace_back(project.address(i), describe(project, stage));
    width = std::max(width, rows.back().first.size());
  }
  for (const std::string& target : call.targets()) {
    for (size_t i : project.select({target}, Project::TargetKind::stages_only, call.has("recursive"))) {
      rows.emplace_back(project.address(i), describe(project, project.stages()[i]));
      width = std::max(width, rows.back().first.size());
    }
  }
  for (const auto& [name, what] : rows)
    call.say(call.has("name-only") ? name : fmt::format("{:<{}}  {}", name, width, what));
  return 0;
}

// Names and edges of the graph, or of what the targets need.
struct Drawing {
  std::vector<std::string> nodes;
  std::vector<std::pair<size_t, size_t>> edges;  // from what is needed to who needs it, by position in nodes
};

Drawing draw(const DvcCall& call, const Project& project) {
  pipelines::Graph graph(project);
  std::vector<size_t> chosen = project.select(call.targets(), Project::TargetKind::stages_and_outputs);
  chosen = call.has("full") ? graph.connected(chosen) : graph.with_upstream(chosen);
  std::sort(chosen.begin(), chosen.end(), [&](size_t a, size_t b) { return project.address(a) < project.address(b); });
  Drawing drawing;
  for (size_t stage : chosen) drawing.nodes.push_back(project.address(stage));
  for (size_t i = 0; i < chosen.size(); ++i) {
    for (size_t need : graph.needs(chosen[i])) {
      size_t from = static_cast<size_t>(std::find(chosen.begin(), chosen.end(), need) - chosen.begin());
      if (from < chosen.size()) drawing.edges.emplace_back(from, i);
    }
  }
  std::sort(drawing.edges.begin(), drawing.edges.end());
  return drawing;
}

std::string as_dot(const Drawing& drawing) {
  std::string out = "strict digraph {\n";
  for (const std::string& node : drawing.nodes) out += fmt::format("\"{}\";\n", node);
  for (auto [from, to] : drawing.edges)
    out += fmt::format("\"{}\" -> \"{}\";\n", drawing.nodes[from], drawing.nodes[to]);
  return out + "}\n\n";
}

std::string as_mermaid(const Drawing& drawing) {
  std::string out = "flowchart TD\n";
  for (size_t i = 0; i < drawing.nodes.size(); ++i) out += fmt::format("\tnode{}[\"{}\"]\n", i + 1, drawing.nodes[i]);
  for (auto [from, to] : drawing.edges) out += fmt::format("\tnode{}-->node{}\n", from + 1, to + 1);
  return out;
}

// A line for each stage with what it needs, in the order in which they run.
std::string as_text(const Drawing& drawing) {
  std::string out;
  std::vector<size_t> depth(drawing.nodes.size(), 0);
  for (size_t round = 0; round < drawing.nodes.size(); ++round) {
    bool changed = false;
    for (auto [from, to] : drawing.edges) {
      if (depth[to] > depth[from]) continue;
      depth[to] = depth[from] + 1;
      changed = true;
    }
    if (!changed) break;
  }
  std::vector<size_t> order(drawing.nodes.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return depth[a] < depth[b]; });
  for (size_t node : order) {
    std::vector<std::string> needs;
    for (auto [from, to] : drawing.edges) {
      if (to == node) needs.push_back(drawing.nodes[from]);
    }
    out += std::string(depth[node] * 2, ' ') + drawing.nodes[node] +
           (needs.empty() ? "" : "  <- " + join(needs, ", ")) + "\n";
  }
  return out;
}

int dag(DvcCall& call) {
  data::Repository repository = data::Repository::open(call.cwd);
  Project project(repository, call.cwd);
  Drawing drawing = draw(call, project);
  if (call.has("dot")) {
    answer(as_dot(drawing));
  } else if (call.has("md")) {
    answer("```mermaid\n" + as_mermaid(drawing) + "```\n");
  } else if (call.has("mermaid")) {
    answer(as_mermaid(drawing));
  } else {
    answer(as_text(drawing));
  }
  return 0;
}

const std::vector<DvcOption> kStageOptions = {{"name", 'n', true},
                                              {"force", 'f'},
                                              {"deps", 'd', true},
                                              {"params", 'p', true},
                                              {"outs", 'o', true},
                                              {"outs-no-cache", 'O', true},
                                              {"outs-persist", 0, true},
                                              {"outs-persist-no-cache", 0, true},
                                              {"metrics", 'm', true},
                                              {"metrics-no-cache", 'M', true},
                                              {"plots", 0, true},
                                              {"plots-no-cache", 0, true},
                                              {"wdir", 'w', true},
                                              {"always-changed"},
                                              {"desc", 0, true},
                                              {"run"},
                                              {"no-exec"}};

}  // namespace

std::vector<DvcVerb> pipeline_verbs() {
  return {
      {.name = "repro",
       .summary = "Run the stages whose inputs changed.",
       .usage = "[-f] [-s] [-p] [-P] [-R] [--downstream] [--force-downstream] [--allow-missing] [--dry] [-k] "
                "[--ignore-errors] [--no-commit] "
                "[--no-run-cache] [targets ...]",
       .examples = "fettle repro\nfettle repro train\nfettle repro --dry",
       .options = {{"force", 'f'},
                   {"interactive", 'i'},
                   {"single-item", 's'},
                   {"pipeline", 'p'},
                   {"all-pipelines", 'P'},
                   {"recursive", 'R'},
                   {"downstream"},
                   {"force-downstream"},
                   {"pull"},
                   {"allow-missing"},
                   {"dry"},
                   {"keep-going", 'k'},
                   {"ignore-errors"},
                   {"glob"},
                   {"no-commit"},
                   {"no-run-cache"}},
       .handler = repro},
      {.name = "stage add",
       .summary = "Add a stage to dvc.yaml.",
       .usage = "-n name [-f] [-d path] [-p [file:]params] [-o path] [-O path] [-m path] [-M path] [--plots path] [-w "
                "dir] [--run] command",
       .examples = "fettle stage add -n train -d train.py -d data/clean.csv -p lr -o model.onnx -M metrics.json python "
                   "train.py",
       .options = kStageOptions,
       .handler = stage_add,
       .rest = OptionOrder::verbatim},
      {.name = "stage list",
       .summary = "List stages.",
       .usage = "[--all] [-R] [--name-only] [targets ...]",
       .examples = "fettle stage list --all",
       .options = {{"all"}, {"fail"}, {"recursive", 'R'}, {"name-only"}},
       .handler = stage_list},
      {.name = "run",
       .summary = "Add a stage and run it (DVC 2's spelling of `stage add --run`).",
       .usage = "-n name [options of stage add] command",
       .examples = "fettle run -n preprocess python preprocess.py",
       .options = kStageOptions,
       .handler = run,
       .rest = OptionOrder::verbatim},
      {.name = "dag",
       .summary = "Show how stages depend on each other.",
       .usage = "[--dot] [--mermaid] [--md] [--full] [targets ...]",
       .examples = "fettle dag\nfettle dag --md >> README.md",
       .options = {{"dot"}, {"mermaid"}, {"md"}, {"full"}, {"outs", 'o'}, {"collapse-foreach-matrix"}},
       .handler = dag},
  };
}

}  // namespace fettle::cli
