// Hand-written fakes for this module's tests: a runtime whose models are functions, a sink that keeps records.
#pragma once

#include <cmath>
#include <cstring>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gateway/gateway.h"
#include "gateway/prediction_sink.h"
#include "serving/runtime.h"

namespace fettle::gateway::testing {

using tensor::DType;
using tensor::Tensor;

template <class T>
Tensor column(std::string name, DType dtype, const std::vector<T>& values, bool matrix = false) {
  tensor::Shape shape{static_cast<int64_t>(values.size())};
  if (matrix) shape.push_back(1);
  return tensor::make_tensor(std::move(name), dtype, shape,
                             std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)));
}
inline Tensor floats(std::string name, const std::vector<float>& values, bool matrix = false) {
  return column(std::move(name), DType::fp32, values, matrix);
}
inline Tensor texts(std::string name, std::vector<std::string> values) {
  tensor::Shape shape{static_cast<int64_t>(values.size())};
  return tensor::make_string_tensor(std::move(name), shape, std::move(values));
}
inline std::vector<float> float_values(const Tensor& tensor) {
  std::vector<float> values(tensor.data.size() / sizeof(float));
  std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
  return values;
}

// A model is a function from a request to `done`, so that it can answer late or never.
using ModelFunction = std::function<void(serving::InferRequest, serving::InferDone)>;

struct FakeModel {
  std::string name;
  std::string version;
  std::vector<serving::TensorSpec> inputs;
  std::vector<serving::TensorSpec> outputs;
  ModelFunction function;
};

class FakePin final : public serving::ModelPin {
 public:
  explicit FakePin(FakeModel model) : model_(std::move(model)) {}
  const std::string& name() const override { return model_.name; }
  const std::string& version() const override { return model_.version; }
  const std::vector<serving::TensorSpec>& inputs() const override { return model_.inputs; }
  const std::vector<serving::TensorSpec>& outputs() const override { return model_.outputs; }
  const std::string& platform() const override { return platform_; }
  int64_t max_batch_size() const override { return 64; }
  void infer(serving::InferRequest request, serving::InferDone done) override {
    model_.function(std::move(request), std::move(done));
  }

 private:
  FakeModel model_;
  std::string platform_ = "fake";
};

class FakeRuntime final : public serving::Runtime {
 public:
  void add(FakeModel model) {
    std::lock_guard lock(mutex_);
    auto key = std::pair(model.name, model.version);
    pins_[key] = std::make_shared<FakePin>(std::move(model));
  }
  void remove(const std::string& name, const std::string& version) {
    std::lock_guard lock(mutex_);
    pins_.erase({name, version});
  }
  void load(const serving::ModelSource&) override {}
  void unload(std::string_view, std::string_view) override {}
  Outcome<std::shared_ptr<serving::ModelPin>> pin(std::string_view name, std::string_view version) const override {
    std::lock_guard lock(mutex_);
    auto found = pins_.find({std::string(name), std::string(version)});
    if (found == pins_.end()) return unexpected(Code::not_found, "model '{}' version '{}' not found", name, version);
    return found->second;
  }
  std::vector<serving::ModelStatus> models() const override { return {}; }

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<serving::ModelPin>> pins_;
};

class FakeSink final : public PredictionSink {
 public:
  bool offer(PredictionRecord&& record) override {
    std::lock_guard lock(mutex_);
    if (full) return false;
    records.push_back(std::move(record));
    return true;
  }
  std::mutex mutex_;
  std::vector<PredictionRecord> records;
  bool full = false;
};

// label INT64 [batch] and probabilities FP32 [batch, 2] from P(1) of each row.
inline serving::InferResponse binary_answer(const std::vector<float>& positive) {
  std::vector<int64_t> labels;
  std::vector<float> both;
  for (float p : positive) {
    labels.push_back(p >= 0.5F ? 1 : 0);
    both.push_back(1 - p);
    both.push_back(p);
  }
  auto rows = static_cast<int64_t>(positive.size());
  serving::InferResponse response;
  response.outputs.push_back(column("label", DType::int64, labels));
  response.outputs.push_back(
      tensor::make_tensor("probabilities", DType::fp32, {rows, 2},
                          std::string(reinterpret_cast<const char*>(both.data()), both.size() * 4)));
  return response;
}

// Inputs temp FP32 and carrier BYTES, both [batch, 1]; P(1) = clamp(temp / 100).
inline FakeModel flights_model(std::string version, std::function<float(float)> score = {}) {
  if (!score) score = [](float temp) { return std::isnan(temp) ? 0.5F : std::clamp(temp / 100, 0.0F, 1.0F); };
  FakeModel model{.name = "flights-delay", .version = std::move(version)};
  model.inputs = {{"temp", DType::fp32, {-1, 1}}, {"carrier", DType::bytes, {-1, 1}}};
  model.outputs = {{"label", DType::int64, {-1}}, {"probabilities", DType::fp32, {-1, 2}}};
  model.function = [score](serving::InferRequest request, const serving::InferDone& done) {
    std::vector<float> positive;
    for (const auto& input : request.inputs) {
      if (input.name != "temp") continue;
      for (float temp : float_values(input)) positive.push_back(score(temp));
    }
    done(binary_answer(positive));
  };
  return model;
}

// 4000 rows: temp uniform in [20, 80), 2 of 4000 missing; carriers UA, AA, B6 (and 0.5 % of 9E); label a column that is
// no input.
inline stats::Table flights_reference(uint32_t seed = 1) {
  stats::Table table;
  table.columns.resize(3);
  table.columns[0].name = "temp";
  table.columns[1].name = "carrier";
  table.columns[1].numeric = false;
  table.columns[2].name = "label";
  uint32_t state = seed;
  for (int i = 0; i < 4000; ++i) {
    state = state * 1664525 + 1013904223;
    double u = static_cast<double>(state >> 8) / (1 << 24);
    table.columns[0].numbers.push_back(i % 2000 == 7 ? std::nan("") : 20 + 60 * u);
    table.columns[1].categories.push_back(i % 200 == 0 ? "9E" : i % 3 == 0 ? "UA" : i % 3 == 1 ? "AA" : "B6");
    table.columns[1].missing.push_back(0);
    table.columns[2].numbers.push_back(u > 0.5 ? 1 : 0);
  }
  return table;
}

// Runs to the end and waits.
inline Outcome<serving::InferResponse> ask(Gateway& gateway, std::string_view endpoint, serving::InferRequest request) {
  std::promise<Outcome<serving::InferResponse>> promise;
  auto future = promise.get_future();
  gateway.infer(endpoint, std::move(request), {.request_id = "req-1"},
                [&](Outcome<serving::InferResponse> outcome) { promise.set_value(std::move(outcome)); });
  return future.get();
}

inline std::string parameter(const serving::InferResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.parameters) {
    if (key == name) return std::get<std::string>(value);
  }
  return "(absent)";
}

}  // namespace fettle::gateway::testing
