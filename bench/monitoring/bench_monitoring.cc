// What monitoring costs: logging, labelling and computing one window, and counting values into a reference's cells.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "base/file.h"
#include "base/id.h"
#include "base/time_text.h"
#include "monitoring/monitoring.h"
#include "schema/schema.h"

using namespace fettle;
using namespace fettle::monitoring;

namespace {

constexpr size_t kNumeric = 17;
constexpr size_t kCategorical = 3;
constexpr int64_t kBatch = 1000;

class TableSource final : public ReferenceSource {
 public:
  explicit TableSource(std::shared_ptr<const stats::Table> table) : table_(std::move(table)) {}
  std::optional<Reference> reference(const ReferenceQuery& query) override {
    return Reference{query.version, "run", table_};
  }

 private:
  std::shared_ptr<const stats::Table> table_;
};

class NoWebhooks final : public AlertSink {
 public:
  WebhookAnswer deliver(const WebhookRequest&) override { return {200, ""}; }
};

template <class Body>
double milliseconds(Body&& body) {
  auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

FeatureNames feature_names() {
  FeatureNames names;
  for (size_t i = 0; i < kNumeric; ++i) names.numeric.push_back(fmt::format("n{}", i));
  for (size_t i = 0; i < kCategorical; ++i) names.categorical.push_back(fmt::format("c{}", i));
  return names;
}

std::shared_ptr<const stats::Table> training(std::mt19937_64& random, size_t rows) {
  auto table = std::make_shared<stats::Table>();
  std::normal_distribution<double> normal;
  for (const auto& name : feature_names().numeric) {
    stats::Column column{.name = name};
    for (size_t i = 0; i < rows; ++i) column.numbers.push_back(normal(random));
    table->columns.push_back(std::move(column));
  }
  for (const auto& name : feature_names().categorical) {
    stats::Column column{.name = name, .numeric = false};
    for (size_t i = 0; i < rows; ++i) column.categories.push_back(fmt::format("v{}", random() % 50));
    column.missing.resize(rows);
    table->columns.push_back(std::move(column));
  }
  return table;
}

PredictionBatch batch(std::mt19937_64& random, int64_t number, int64_t start_ms) {
  static const auto names = std::make_shared<const FeatureNames>(feature_names());
  std::normal_distribution<double> normal;
  PredictionBatch b;
  b.prediction_id = format_prediction_id(
      {.time_ms = 1'700'000'000'000 + number, .endpoint = 1, .revision = 1, .sequence = static_cast<uint64_t>(number)});
  b.endpoint = "e";
  b.model = "m";
  b.version = "1";
  b.arm = "stable";
  b.rows = kBatch;
  b.features = names;
  for (int64_t i = 0; i < kBatch; ++i) {
    b.event_time_ms.push_back(start_ms + number * kBatch + i);
    b.keys.push_back(fmt::format("k{}", number * kBatch + i));
    b.scores.push_back(1 / (1 + std::exp(normal(random))));
    b.confidence.push_back(static_cast<float>(std::max(b.scores.back(), 1 - b.scores.back())));
  }
  for (size_t i = 0; i < kNumeric * kBatch; ++i) b.numbers.push_back(normal(random));
  for (size_t i = 0; i < kCategorical * kBatch; ++i) b.categories.push_back(fmt::format("v{}", random() % 50));
  return b;
}

}  // namespace

int main(int argc, char** argv) {
  int64_t rows = argc > 1 ? std::atoll(argv[1]) : 30'000;
  std::mt19937_64 random(1);
  TemporaryDirectory directory;
  auto database = sql::Database::open("sqlite:///" + (directory.path() / "bench.db").string());
  sql::migrate(*database, schema::migrations());
  auto table = training(random, 50'000);
  double profile_ms = milliseconds([&] { stats::profile_table(*table); });
  TableSource source(table);
  NoWebhooks webhooks;
  SystemClock clock;
  metrics::Registry registry;
  Monitoring m(*database, source, webhooks, clock, registry);
  m.put_monitor("monthly", R"({"endpoint":"e","window":"month"})", 1);
  int64_t start = *parse_utc("2013-03-01");
  std::vector<LabelRow> by_id, by_key;
  std::vector<PredictionBatch> batches;
  for (int64_t n = 0; n < rows / kBatch; ++n) {
    batches.push_back(batch(random, n, start));
    for (int64_t i = 0; i < kBatch; ++i) {
      std::string label = random() % 4 == 0 ? "1" : "0";
      if (n % 2 == 0) by_id.push_back({.prediction_id = batches.back().prediction_id, .row = i, .label = label});
      if (n % 2 == 1)
        by_key.push_back({.key = batches.back().keys[static_cast<size_t>(i)], .endpoint = "e", .label = label});
    }
  }
  double offer_ms = milliseconds([&] {
    for (auto& b : batches) m.offer(std::move(b));
  });
  double flush_ms = milliseconds([&] { m.flush(); });
  double labels_id_ms = milliseconds([&] { m.post_labels(by_id); });
  double labels_key_ms = milliseconds([&] { m.post_labels(by_key); });
  int64_t end = *parse_utc("2013-04-01");
  double first_ms = milliseconds([&] { m.evaluate("monthly", end); });  // profiles the reference too
  m.put_monitor("monthly", R"({"endpoint":"e","window":"month","alpha":0.02})", 2);
  double again_ms = milliseconds([&] { m.evaluate("monthly", end); });
  auto auc = m.windows().find("monthly", "2013-03")->result->metrics.at("auc");
  std::printf("profile of 50,000 rows x 20 columns    %8.1f ms\n", profile_ms);
  std::printf("offer %6ld rows x 20 features         %8.1f ms\n", static_cast<long>(rows), offer_ms);
  std::printf("flush, with keys, durable              %8.1f ms\n", flush_ms);
  std::printf("%6zu labels by id                     %8.1f ms\n", by_id.size(), labels_id_ms);
  std::printf("%6zu labels by key                    %8.1f ms\n", by_key.size(), labels_key_ms);
  std::printf("window, with the reference's profile   %8.1f ms\n", first_ms);
  std::printf("window again                           %8.1f ms (auc %.3f)\n", again_ms, auc);
  return again_ms > 0 ? 0 : 1;
}
