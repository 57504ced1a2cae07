// Filter strings and orders of each search, as the domain's conditions (spec/mlflow.md 3.1-3.5).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "registry/types.h"
#include "tracking/types.h"

namespace fettle::api::mlflow {

std::vector<Condition<tracking::RunField>> run_conditions(std::string_view filter);
std::vector<OrderBy<tracking::RunField>> run_order(const std::vector<std::string>& clauses);

std::vector<Condition<tracking::ExperimentField>> experiment_conditions(std::string_view filter);
std::vector<OrderBy<tracking::ExperimentField>> experiment_order(const std::vector<std::string>& clauses);

std::vector<Condition<tracking::LoggedModelField>> logged_model_conditions(std::string_view filter);
OrderBy<tracking::LoggedModelField> logged_model_order(const std::string& field, bool ascending);

// Also decide whether prompts are meant: clauses on their tag are special (spec 1.11).
void set_model_conditions(registry::ModelQuery& query, std::string_view filter);
std::vector<OrderBy<registry::ModelField>> model_order(const std::vector<std::string>& clauses);
void set_version_conditions(registry::VersionQuery& query, std::string_view filter);
std::vector<OrderBy<registry::VersionField>> version_order(const std::vector<std::string>& clauses);

}  // namespace fettle::api::mlflow
