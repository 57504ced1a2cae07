// The JSON that DVC's verbs print.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pipelines/metrics.h"
#include "pipelines/repro.h"
#include "pipelines/status.h"

namespace fettle::cli {

std::string status_json(const std::vector<std::pair<std::string, pipelines::StageStatus>>& dirty);

// The body of POST /api/fettle/v1/pipeline-runs; `job` is that of the server which runs this process, or empty.
std::string stage_report_json(const pipelines::StageReport& report, const std::string& directory,
                              const std::string& job);
// `existing` (a JSON object, or anything else, which is dropped) with the tags of a stage run.
std::string run_context_json(const std::string& existing, const std::string& id, const std::string& stage);

std::string metrics_json(const std::vector<pipelines::MetricsOfFile>& files);
// A value in a table cell.
std::string value_text(const pipelines::Value& value, int precision);

}  // namespace fettle::cli
