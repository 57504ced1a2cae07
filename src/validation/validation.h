// Runs gates: gets the data, scores candidate and champion on the same rows, judges, and keeps an immutable report.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "sql/database.h"
#include "validation/report.h"

namespace fettle::validation {

struct ArtifactData {
  std::string run;
  std::string path;          // a CSV with a header
  std::string label_column;  // empty: the gate's
};
struct LabelledRange {
  std::string endpoint;
  int64_t from_ms = 0;
  int64_t to_ms = 0;
};
struct LabelledWindow {
  std::string monitor;
  std::string window = "latest";  // or an id; latest: the newest mature one
};
using DataRequest = std::variant<ArtifactData, LabelledRange, LabelledWindow>;

struct EvaluationData {
  stats::Table features;  // columns named as the model's inputs
  std::vector<uint8_t> outcomes;
  std::string source;  // "labelled:flights-monthly/2013-06"
};

struct VersionInfo {
  std::string version;
  std::string run;
};

// What a gate asks of the registry, the prediction log and the runtime; connected in app/.
class Subjects {
 public:
  virtual ~Subjects() = default;
  // `reference`: a version's number, or "@alias". Nothing if there is none.
  virtual std::optional<VersionInfo> version(const std::string& model, const std::string& reference) = 0;
  virtual EvaluationData data(const DataRequest& request, const Gate& gate) = 0;
  // Probability of the positive class for each row.
  virtual std::vector<double> score(const std::string& model, const std::string& version,
                                    const stats::Table& features) = 0;
  virtual Cost measure(const std::string& model, const std::string& version, const stats::Table& features,
                       int64_t requests) = 0;
};

struct RunRequest {
  std::string gate;
  std::string candidate;  // version or "@alias" of the gate's model
  std::string champion;   // as candidate; empty: the gate's alias
  DataRequest data;
  std::string by = "api";
};

struct ReportFilter {
  std::string gate;
  std::string model;
  std::string version;
  std::string verdict;
  std::string before;  // id for paging
  int64_t limit = 100;
};

// Thread-safe. Gate runs are one at a time, since they measure.
class Validation {
 public:
  Validation(sql::Database& database, const Clock& clock, Subjects& subjects)
      : database_(database), clock_(clock), subjects_(subjects) {}

  void put_gate(const std::string& name, int64_t generation, const std::string& spec);
  void remove_gate(const std::string& name);
  std::vector<Gate> gates() const;
  std::optional<Gate> find_gate(const std::string& name) const;
  // The gate that judges this model, if there is one.
  std::optional<Gate> gate_of_model(const std::string& model) const;

  // not_found for gate or candidate; what the data source throws. The report is stored with a decision, lineage edges
  // and an audit event.
  Report run(const RunRequest& request);
  std::optional<Report> find_report(const std::string& id) const;
  std::vector<Report> list_reports(const ReportFilter& filter) const;
  // Of the whole filter, `before` and `limit` apart.
  int64_t count_reports(const ReportFilter& filter) const;

 private:
  std::vector<Check> judge(const Gate& gate, const Report& report, const EvaluationData& data);
  void store(const Report& report);

  sql::Database& database_;
  const Clock& clock_;
  Subjects& subjects_;
  std::mutex running_;
};

}  // namespace fettle::validation
