#include "validation/validation.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/id.h"
#include "journal/journal.h"

namespace fettle::validation {
namespace {

constexpr std::string_view kReportColumns =
    "id, gate, gate_generation, verdict, reason, model, candidate_version, candidate_run, champion_version, "
    "champion_run, data_source, "
    "data_rows, data_hash, started_at_ms, took_ms, requested_by, checks";

Report report_from(const sql::Row& row) {
  return {.id = row.text(0),
          .gate = row.text(1),
          .gate_generation = row.integer(2),
          .verdict = parse_verdict(row.view(3)).value_or(Verdict::not_run),
          .reason = row.text(4),
          .model = row.text(5),
          .candidate_version = row.text(6),
          .candidate_run = row.text(7),
          .champion_version = row.text(8),
          .champion_run = row.text(9),
          .data_source = row.text(10),
          .data_rows = row.integer(11),
          .data_hash = row.text(12),
          .started_at_ms = row.integer(13),
          .took_ms = row.integer(14),
          .by = row.text(15),
          .checks = parse_checks(row.view(16))};
}

// Of every value and outcome in order: equal inputs give equal verdicts, and the hash shows that they were equal.
std::string hash_of(const EvaluationData& data) {
  Hasher hasher(HashKind::sha256);
  for (const auto& column : data.features.columns) {
    hasher.update(column.name);
    if (column.numeric) {
      hasher.update({reinterpret_cast<const char*>(column.numbers.data()), column.numbers.size() * sizeof(double)});
      continue;
    }
    for (size_t i = 0; i < column.categories.size(); ++i) {
      hasher.update(column.missing[i] ? std::string_view("\0\1", 2) : std::string_view(column.categories[i]));
      hasher.update(std::string_view("\0", 1));
    }
  }
  hasher.update({reinterpret_cast<const char*>(data.outcomes.data()), data.outcomes.size()});
  return "sha256:" + hasher.finish_hex();
}

void append(std::vector<Check>& checks, std::vector<Check> more) {
  for (auto& check : more) checks.push_back(std::move(check));
}

}  // namespace

void Validation::put_gate(const std::string& name, int64_t generation, const std::string& spec) {
  Gate gate = parse_gate(name, generation, spec);
  database_.write([&](sql::Connection& connection) {
    connection.exec(
        "insert into gates (name, model, generation, spec) values ($1, $2, $3, $4) on conflict (name) do update set "
        "model = $2, generation = $3, "
        "spec = $4",
        name, gate.model, generation, spec);
  });
}

void Validation::remove_gate(const std::string& name) {
  database_.write([&](sql::Connection& connection) { connection.exec("delete from gates where name = $1", name); });
}

std::vector<Gate> Validation::gates() const {
  return database_.read([](sql::Connection& connection) {
    std::vector<Gate> gates;
    for (const auto& row : connection.query("select name, generation, spec from gates order by name")) {
      gates.push_back(parse_gate(row.text(0), row.integer(1), row.view(2)));
    }
    return gates;
  });
}

std::optional<Gate> Validation::find_gate(const std::string& name) const {
  for (auto& gate : gates()) {
    if (gate.name == name) return gate;
  }
  return std::nullopt;
}

std::optional<Gate> Validation::gate_of_model(const std::string& model) const {
  for (auto& gate : gates()) {
    if (gate.model == model) return gate;
  }
  return std::nullopt;
}

std::vector<Check> Validation::judge(const Gate& gate, const Report& report, const EvaluationData& data) {
  std::vector<Check> checks;
  if (gate.data_quality) append(checks, check_data(*gate.data_quality, data.features, data.outcomes));
  std::vector<double> candidate, champion;
  if (gate.performance || gate.fairness)
    candidate = subjects_.score(gate.model, report.candidate_version, data.features);
  bool defended = !report.champion_version.empty() && report.champion_version != report.candidate_version;
  if (gate.performance && defended) champion = subjects_.score(gate.model, report.champion_version, data.features);
  Scored scored{candidate, champion, data.outcomes};
  if (gate.performance) append(checks, check_performance(*gate.performance, scored));
  if (gate.fairness) {
    const stats::Column* group = data.features.find(gate.fairness->group);
    if (group == nullptr) {
      checks.push_back({.group = "fairness",
                        .name = "group",
                        .verdict = Verdict::inconclusive,
                        .message = fmt::format("the evaluation data has no column '{}'", gate.fairness->group)});
    } else {
      append(checks, check_fairness(*gate.fairness, *group, scored));
    }
  }
  if (gate.resources) {
    append(checks, check_resources(*gate.resources, subjects_.measure(gate.model, report.candidate_version,
                                                                      data.features, gate.resources->requests)));
  }
  return checks;
}

Report Validation::run(const RunRequest& request) {
  auto gate = find_gate(request.gate);
  if (!gate) fail(Code::not_found, "no gate '{}'", request.gate);
  auto candidate = subjects_.version(gate->model, request.candidate);
  if (!candidate) fail(Code::not_found, "no version '{}' of model '{}'", request.candidate, gate->model);
  std::string defender = request.champion.empty() ? "@" + gate->champion : request.champion;
  auto champion = subjects_.version(gate->model, defender);
  if (!champion && !request.champion.empty())
    fail(Code::not_found, "no version '{}' of model '{}'", request.champion, gate->model);

  std::lock_guard one_at_a_time(running_);
  int64_t started_ns = clock_.steady_ns();
  Report report{
      .id = new_id(clock_.now_ms()), .gate = gate->name, .gate_generation = gate->generation, .model = gate->model};
  report.started_at_ms = clock_.now_ms();
  report.candidate_version = candidate->version;
  report.candidate_run = candidate->run;
  if (champion) {
    report.champion_version = champion->version;
    report.champion_run = champion->run;
  }
  report.by = request.by;
  EvaluationData data = subjects_.data(request.data, *gate);
  report.data_source = data.source;
  report.data_rows = static_cast<int64_t>(data.outcomes.size());
  report.data_hash = hash_of(data);
  report.checks = judge(*gate, report, data);
  report.verdict = overall(report.checks);
  report.reason = summarise(report.checks);
  report.took_ms = (clock_.steady_ns() - started_ns) / 1'000'000;
  store(report);
  return report;
}

void Validation::store(const Report& report) {
  int64_t now_ms = clock_.now_ms();
  std::string candidate = fmt::format("{}/{}", report.model, report.candidate_version);
  std::string checks = format_checks(report.checks);
  database_.write([&](sql::Connection& connection) {
    connection.exec(
        "insert into gate_reports (id, gate, gate_generation, verdict, reason, model, candidate_version, "
        "candidate_run, champion_version, "
        "champion_run, data_source, data_rows, data_hash, started_at_ms, took_ms, requested_by, checks) values ($1, "
        "$2, $3, $4, $5, $6, $7, "
        "$8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        report.id, report.gate, report.gate_generation, verdict_name(report.verdict), report.reason, report.model,
        report.candidate_version, report.candidate_run, report.champion_version, report.champion_run,
        report.data_source, report.data_rows, report.data_hash, report.started_at_ms, report.took_ms, report.by,
        checks);
    journal::record_decision(connection,
                             {.kind = "gate",
                              .subject = report.gate,
                              .verdict = std::string(verdict_name(report.verdict)),
                              .reason = report.reason,
                              .policy_version = std::to_string(report.gate_generation),
                              .observations = fmt::format(R"({{"report":"{}","checks":{}}})", report.id, checks),
                              .actor = "system",
                              .at_ms = now_ms});
    journal::add_edge(connection, {{"model_version", candidate}, {"gate_report", report.id}, "judged", now_ms});
    journal::record_audit(
        connection, {.actor = report.by, .action = "gate.run", .subject = candidate, .detail = "{}", .at_ms = now_ms});
  });
}

std::optional<Report> Validation::find_report(const std::string& id) const {
  return database_.read([&](sql::Connection& connection) -> std::optional<Report> {
    auto row = connection.query_one(fmt::format("select {} from gate_reports where id = $1", kReportColumns), id);
    if (!row) return std::nullopt;
    return report_from(*row);
  });
}

std::vector<Report> Validation::list_reports(const ReportFilter& filter) const {
  return database_.read([&](sql::Connection& connection) {
    std::vector<Report> reports;
    std::string text = fmt::format(
        "select {} from gate_reports where ($1 = '' or gate = $1) and ($2 = '' or model = $2) and ($3 = '' or "
        "candidate_version = $3) and "
        "($4 = '' or verdict = $4) and ($5 = '' or id < $5) order by id desc limit $6",
        kReportColumns);
    for (const auto& row : connection.query(text, filter.gate, filter.model, filter.version, filter.verdict,
                                            filter.before, filter.limit)) {
      reports.push_back(report_from(row));
    }
    return reports;
  });
}

int64_t Validation::count_reports(const ReportFilter& filter) const {
  return database_.read([&](sql::Connection& connection) {
    return connection
        .query_one(
            "select count(*) from gate_reports where ($1 = '' or gate = $1) and ($2 = '' or model = $2) and "
            "($3 = '' or candidate_version = $3) and ($4 = '' or verdict = $4)",
            filter.gate, filter.model, filter.version, filter.verdict)
        ->integer(0);
  });
}

}  // namespace fettle::validation
