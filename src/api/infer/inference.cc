#include "api/infer/inference.h"

#include <algorithm>
#include <cctype>

#include "base/id.h"
#include "base/text.h"

namespace fettle::api::infer {

namespace {

constexpr size_t kShownLimit = 120;

// What came from a client, as it may stand in a message.
std::string shown(std::string_view text) {
  std::string out;
  for (char c : text.substr(0, kShownLimit)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  return out;
}

bool has_prediction_id(const serving::InferResponse& response) {
  return std::ranges::any_of(response.parameters,
                             [](const auto& parameter) { return parameter.first == "prediction_id"; });
}

}  // namespace

std::vector<std::string> Inference::extensions() {
  return {"model_repository", "model_configuration", "binary_tensor_data", "parameters", "statistics"};
}

bool Inference::ready() const {
  if (stopping_) return false;
  if (parts_.repository != nullptr && !parts_.repository->ready()) return false;
  const std::vector<serving::ModelStatus> all = parts_.runtime.models();
  // A version that failed beside one that serves is a failed update: the model still answers.
  const auto serves = [&](const std::string& name) {
    return std::ranges::any_of(all, [&](const auto& other) { return other.name == name && other.state == "READY"; });
  };
  return std::ranges::all_of(all, [&](const serving::ModelStatus& status) {
    return status.state == "READY" || status.state == "UNLOADING" || status.reason == "unloaded" || serves(status.name);
  });
}

void Inference::check_address(std::string_view name, std::string_view version) const {
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
  };
  if (name.empty() || name.size() > 128 || std::isalnum(static_cast<unsigned char>(name[0])) == 0 ||
      !std::ranges::all_of(name, plain)) {
    fail(Code::invalid_argument, "name '{}' must match ^[A-Za-z0-9][A-Za-z0-9._-]{{0,127}}$", shown(name));
  }
  if (version.empty()) return;
  const bool digits = std::ranges::all_of(version, [](char c) { return c >= '0' && c <= '9'; });
  const auto number = digits ? parse_int(version) : std::nullopt;
  if (!number || *number <= 0) {
    // Over HTTP a version that is not a number is a path that does not exist; the edge tells them apart by the code.
    fail(digits ? Code::invalid_argument : Code::not_found, "version '{}' must be a positive integer", shown(version));
  }
}

bool Inference::is_endpoint(std::string_view name, std::string_view version) const {
  return version.empty() && parts_.endpoints != nullptr && parts_.endpoints->has(name);
}

ModelDescription Inference::describe(std::string_view name, std::string_view version) const {
  check_address(name, version);
  if (is_endpoint(name, version)) return value_or_throw(parts_.endpoints->describe(name));
  const auto pin = value_or_throw(parts_.runtime.pin(name, version));
  ModelDescription description{.name = std::string(name),
                               .platform = pin->platform(),
                               .inputs = pin->inputs(),
                               .outputs = pin->outputs(),
                               .max_batch_size = pin->max_batch_size(),
                               .batching = pin->batching()};
  if (!version.empty()) {
    description.versions = {pin->version()};
    return description;
  }
  for (const serving::ModelStatus& status : parts_.runtime.models()) {
    if (status.name == name && status.state == "READY") description.versions.push_back(status.version);
  }
  return description;
}

bool Inference::model_ready(std::string_view name, std::string_view version) const {
  check_address(name, version);
  if (stopping_) return false;
  const auto error_of = [&]() -> std::optional<Error> {
    if (is_endpoint(name, version)) {
      const auto description = parts_.endpoints->describe(name);
      return description ? std::nullopt : std::optional(description.error());
    }
    const auto pin = parts_.runtime.pin(name, version);
    return pin ? std::nullopt : std::optional(pin.error());
  };
  const std::optional<Error> error = error_of();
  if (error && error->code == Code::not_found) fail(*error);
  return !error;
}

void Inference::infer(std::string_view name, std::string_view version, serving::InferRequest request,
                      const Caller& caller, serving::InferDone done) const {
  if (stopping_) return done(unexpected(Code::unavailable, "server is shutting down"));
  if (auto address = outcome_of([&] { check_address(name, version); }); !address) {
    return done(std::unexpected(std::move(address.error())));
  }
  serving::InferDone with_id = [clock = &parts_.clock,
                                done = std::move(done)](Outcome<serving::InferResponse> outcome) {
    if (outcome && !has_prediction_id(*outcome))
      outcome->parameters.emplace_back("prediction_id", new_id(clock->now_ms()));
    done(std::move(outcome));
  };
  if (is_endpoint(name, version)) return parts_.endpoints->infer(name, std::move(request), caller, std::move(with_id));
  auto pin = parts_.runtime.pin(name, version);
  if (!pin) return with_id(std::unexpected(std::move(pin.error())));
  (*pin)->infer(std::move(request), std::move(with_id));
}

std::vector<serving::ModelStatistics> Inference::statistics(std::string_view name, std::string_view version) const {
  std::vector<serving::ModelStatistics> all = parts_.runtime.statistics();
  if (name.empty()) return all;
  std::erase_if(all, [&](const serving::ModelStatistics& one) {
    return one.name != name || (!version.empty() && one.version != version);
  });
  if (all.empty() && !is_endpoint(name, version)) {
    fail(Code::invalid_argument, "requested model '{}' is not available", shown(name));
  }
  return all;
}

std::vector<serving::ModelStatus> Inference::index(IndexFilter filter) const {
  std::vector<serving::ModelStatus> all =
      parts_.repository != nullptr ? parts_.repository->index() : parts_.runtime.models();
  if (filter == IndexFilter::ready)
    std::erase_if(all, [](const serving::ModelStatus& one) { return one.state != "READY"; });
  return all;
}

serving::ModelRepository& Inference::repository_for(std::string_view name) const {
  check_address(name, {});
  if (parts_.repository == nullptr || !parts_.repository->takes_commands()) {
    fail(Code::unavailable, "explicit model load / unload is not allowed if polling is enabled");
  }
  return *parts_.repository;
}

void Inference::load(std::string_view name) const { repository_for(name).load(name); }

void Inference::unload(std::string_view name) const { repository_for(name).unload(name); }

}  // namespace fettle::api::infer
