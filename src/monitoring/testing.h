// Predictions for tests: temperature, distance and carrier of flights, scored by a rule that fits the outcomes drawn
// with them.
#pragma once

#include <cmath>
#include <random>
#include <string>

#include "base/id.h"
#include "monitoring/alert.h"
#include "monitoring/prediction_batch.h"
#include "monitoring/reference.h"

namespace fettle::monitoring::testing {

inline std::string id(int64_t n) {
  return format_prediction_id(
      {.time_ms = 1'700'000'000'000 + n, .endpoint = 1, .revision = 1, .sequence = static_cast<uint64_t>(n)});
}

inline std::shared_ptr<const FeatureNames> names() {
  static const auto shared = std::make_shared<FeatureNames>(FeatureNames{{"temp", "distance"}, {"carrier"}});
  return shared;
}

inline PredictionBatch batch(int64_t n, int64_t rows, int64_t event_ms) {
  PredictionBatch b;
  b.prediction_id = id(n);
  b.request_id = "r" + std::to_string(n);
  b.endpoint = "flights";
  b.revision_id = "01REVISION";
  b.arm = "stable";
  b.model = "flights-delay";
  b.version = "1";
  b.received_ms = 1'700'000'000'000 + n;
  b.rows = rows;
  b.features = names();
  for (int64_t i = 0; i < rows; ++i) {
    b.event_time_ms.push_back(event_ms + i);
    b.scores.push_back(0.25);
    b.confidence.push_back(0.75F);
    b.labels.push_back("0");
  }
  for (int64_t i = 0; i < 2 * rows; ++i) b.numbers.push_back(static_cast<double>(i));
  b.categories.assign(static_cast<size_t>(rows), "UA");
  return b;
}

struct World {
  double temp_mean = 40;
  double temp_sd = 10;
  double missing = 0.01;
  double new_carrier = 0;
  double skill = 1;  // 0: the scores know nothing
};

// Draws predictions and outcomes. The same seed gives the same.
class Simulator {
 public:
  explicit Simulator(uint64_t seed) : random_(seed) {}

  struct Row {
    double temp, distance, score;
    std::string carrier;
    bool positive;
  };
  Row row(const World& world) {
    std::normal_distribution<double> normal;
    std::uniform_real_distribution<double> uniform;
    Row r{world.temp_mean + world.temp_sd * normal(random_), std::floor(200 + 2000 * uniform(random_)), 0, "", false};
    double truth = normal(random_);
    r.positive = uniform(random_) < 1 / (1 + std::exp(-(truth - 1)));
    r.score = 1 / (1 + std::exp(-(world.skill * truth - 1)));
    if (uniform(random_) < world.missing) r.temp = std::nan("");
    static const std::string kCarriers[] = {"UA", "AA", "DL", "B6", "EV"};
    r.carrier = uniform(random_) < world.new_carrier
                    ? "ZZ"
                    : kCarriers[static_cast<size_t>(5 * uniform(random_) * uniform(random_))];
    return r;
  }

  struct Batch {
    PredictionBatch batch;
    std::vector<std::string> truth;
  };
  // Events spread evenly over [start_ms, end_ms).
  Batch batch(int64_t n, int64_t rows, int64_t start_ms, int64_t end_ms, const World& world) {
    Batch out{testing::batch(n, rows, start_ms), {}};
    auto& b = out.batch;
    for (int64_t i = 0; i < rows; ++i) {
      auto at = static_cast<size_t>(i);
      Row r = row(world);
      b.event_time_ms[at] = start_ms + (end_ms - start_ms) * i / rows;
      b.numbers[at] = r.temp;
      b.numbers[static_cast<size_t>(rows) + at] = r.distance;
      b.categories[at] = r.carrier;
      b.scores[at] = r.score;
      b.confidence[at] = static_cast<float>(std::max(r.score, 1 - r.score));
      b.labels[at] = r.score >= 0.5 ? "1" : "0";
      out.truth.push_back(r.positive ? "1" : "0");
    }
    return out;
  }

  std::shared_ptr<const stats::Table> table(size_t rows, const World& world) {
    auto t = std::make_shared<stats::Table>();
    t->columns = {{.name = "temp"}, {.name = "distance"}, {.name = "carrier", .numeric = false}, {.name = "label"}};
    for (size_t i = 0; i < rows; ++i) {
      Row r = row(world);
      t->columns[0].numbers.push_back(r.temp);
      t->columns[1].numbers.push_back(r.distance);
      t->columns[2].categories.push_back(r.carrier);
      t->columns[2].missing.push_back(0);
      t->columns[3].numbers.push_back(r.positive);
    }
    return t;
  }

 private:
  std::mt19937_64 random_;
};

class FakeReferences final : public ReferenceSource {
 public:
  std::optional<Reference> reference(const ReferenceQuery& query) override {
    ++asked;
    if (!table || query.model != "flights-delay") return std::nullopt;
    return Reference{query.version, "run-of-" + query.version, table};
  }
  std::shared_ptr<const stats::Table> table;
  int asked = 0;
};

class FakeSink final : public AlertSink {
 public:
  WebhookAnswer deliver(const WebhookRequest& request) override {
    requests.push_back(request);
    return {status, ""};
  }
  std::vector<WebhookRequest> requests;
  int status = 200;
};

class FakeListener final : public AlertListener {
 public:
  void on_alert(const AlertEvent& event) override { events.push_back(event); }
  std::vector<AlertEvent> events;
};

}  // namespace fettle::monitoring::testing
