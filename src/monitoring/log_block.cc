#include "monitoring/log_block.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>
#include <unordered_map>

#include "base/error.h"
#include "base/id.h"

namespace fettle::monitoring {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Batches that share a block compare equal.
struct GroupOrder {
  bool operator()(const PredictionBatch* a, const PredictionBatch* b) const {
    auto plain = [](const PredictionBatch& x) {
      return std::tie(x.endpoint, x.revision_id, x.rollout_id, x.arm, x.model, x.version);
    };
    if (plain(*a) != plain(*b)) return plain(*a) < plain(*b);
    if (a->features == b->features) return false;
    if (!a->features || !b->features) return !a->features;
    return std::tie(a->features->numeric, a->features->categorical) <
           std::tie(b->features->numeric, b->features->categorical);
  }
};

// Appends a batch's optional per-row vector, filling rows of earlier or later batches that have none.
template <class T>
void append_rows(std::vector<T>& column, const std::vector<T>& values, size_t start, size_t rows, T filler) {
  if (values.empty() && column.empty()) return;
  column.resize(start, filler);
  if (values.empty()) {
    column.resize(start + rows, filler);
  } else {
    column.insert(column.end(), values.begin(), values.begin() + static_cast<std::ptrdiff_t>(rows));
  }
}

// Adds categories to a column's dictionary.
class Coder {
 public:
  explicit Coder(CategoryColumn& column) : column_(column) {}
  void add(const std::string& value) {
    if (value.empty()) {
      column_.codes.push_back(0);
      return;
    }
    auto [at, is_new] = codes_.try_emplace(value, static_cast<uint32_t>(column_.dictionary.size() + 1));
    if (is_new) column_.dictionary.push_back(value);
    column_.codes.push_back(at->second);
  }

 private:
  CategoryColumn& column_;
  std::unordered_map<std::string, uint32_t> codes_;
};

void add_request(LogBlock& block, const PredictionBatch& b) {
  auto start = block.rows();
  auto rows = static_cast<size_t>(b.rows);
  block.requests.push_back({b.prediction_id, b.request_id, static_cast<uint32_t>(start), static_cast<uint32_t>(rows),
                            b.received_ms, b.latency_ns, b.model_ns, b.fallback, b.warnings});
  append_rows(block.keys, b.keys, start, rows, std::string());
  append_rows(block.scores, b.scores, start, rows, kNan);
  append_rows(block.confidence, b.confidence, start, rows, std::numeric_limits<float>::quiet_NaN());
  append_rows(block.ood, b.ood, start, rows, std::numeric_limits<float>::quiet_NaN());
  append_rows(block.verdicts, b.verdicts, start, rows, uint8_t{0});
  block.event_ms.insert(block.event_ms.end(), b.event_time_ms.begin(), b.event_time_ms.end());
}

void add_features(LogBlock& block, std::span<const PredictionBatch* const> batches) {
  const auto& features = batches.front()->features;
  if (!features) return;
  block.features_logged = true;
  block.names = *features;
  for (size_t slot = 0; slot < block.names.numeric.size(); ++slot) {
    auto& column = block.numbers.emplace_back();
    column.reserve(block.rows());
    for (const auto* b : batches) {
      const double* from = b->numbers.data() + slot * static_cast<size_t>(b->rows);
      column.insert(column.end(), from, from + b->rows);
    }
  }
  for (size_t slot = 0; slot < block.names.categorical.size(); ++slot) {
    Coder coder(block.categories.emplace_back());
    for (const auto* b : batches) {
      auto rows = static_cast<size_t>(b->rows);
      for (size_t row = 0; row < rows; ++row) coder.add(b->categories[slot * rows + row]);
    }
  }
}

void add_outputs(LogBlock& block, std::span<const PredictionBatch* const> batches) {
  size_t classes = 0;
  bool labelled = false;
  for (const auto* b : batches) {
    if (b->rows > 0) classes = std::max(classes, b->probabilities.size() / static_cast<size_t>(b->rows));
    labelled |= !b->labels.empty();
  }
  block.probabilities.resize(classes);
  Coder coder(block.labels);
  for (const auto* b : batches) {
    auto rows = static_cast<size_t>(b->rows);
    for (size_t c = 0; c < classes; ++c) {
      for (size_t row = 0; row < rows; ++row) {
        bool known = (c + 1) * rows <= b->probabilities.size();
        block.probabilities[c].push_back(known ? b->probabilities[c * rows + row]
                                               : std::numeric_limits<float>::quiet_NaN());
      }
    }
    for (size_t row = 0; labelled && row < rows; ++row) coder.add(b->labels.empty() ? std::string() : b->labels[row]);
  }
}

LogBlock build_block(std::span<const PredictionBatch* const> batches) {
  const PredictionBatch& first = *batches.front();
  LogBlock block;
  block.endpoint = first.endpoint;
  block.revision_id = first.revision_id;
  block.rollout_id = first.rollout_id;
  block.arm = first.arm;
  block.model = first.model;
  block.version = first.version;
  block.revision = first.revision;
  for (const auto* b : batches) add_request(block, *b);
  add_features(block, batches);
  add_outputs(block, batches);
  return block;
}

void check_size(const PredictionBatch& b, const char* what, size_t size, size_t each, bool optional = true) {
  size_t expected = each * static_cast<size_t>(b.rows);
  if (size == expected || (optional && size == 0)) return;
  fail(Code::invalid_argument, "prediction '{}': {} has {} elements, expected {}", b.prediction_id, what, size,
       expected);
}

bool same_group(const LogBlock& a, const LogBlock& b) {
  auto plain = [](const LogBlock& x) {
    return std::tie(x.endpoint, x.revision_id, x.rollout_id, x.arm, x.model, x.version, x.revision);
  };
  return plain(a) == plain(b) && a.features_logged == b.features_logged && a.names == b.names &&
         a.probabilities.size() == b.probabilities.size() && a.labels.codes.empty() == b.labels.codes.empty();
}

void append_categories(CategoryColumn& to, const CategoryColumn& from) {
  std::unordered_map<std::string_view, uint32_t> known;
  for (size_t i = 0; i < to.dictionary.size(); ++i) known[to.dictionary[i]] = static_cast<uint32_t>(i + 1);
  std::vector<uint32_t> codes = {0};
  std::vector<std::string> fresh;
  for (const auto& value : from.dictionary) {
    auto at = known.find(value);
    if (at == known.end()) fresh.push_back(value);
    codes.push_back(at != known.end() ? at->second : static_cast<uint32_t>(to.dictionary.size() + fresh.size()));
  }
  to.dictionary.insert(to.dictionary.end(), fresh.begin(), fresh.end());
  for (uint32_t code : from.codes) to.codes.push_back(codes[code]);
}

}  // namespace

const char* verdict_text(uint8_t bit) {
  switch (bit) {
    case kLowConfidence: return "low_confidence";
    case kOutOfDistribution: return "out_of_distribution";
    case kContractWarning: return "contract_warning";
    case kImputed: return "imputed";
    case kFallback: return "fallback";
    default: return "";
  }
}

void check_batch(const PredictionBatch& b) {
  if (!parse_prediction_id(b.prediction_id))
    fail(Code::invalid_argument, "'{}' is not a prediction id", b.prediction_id);
  if (b.endpoint.empty()) fail(Code::invalid_argument, "prediction '{}' names no endpoint", b.prediction_id);
  if (b.rows < 1 || b.rows > 10'000'000)
    fail(Code::invalid_argument, "prediction '{}' has {} rows", b.prediction_id, b.rows);
  check_size(b, "event_time_ms", b.event_time_ms.size(), 1, false);
  check_size(b, "keys", b.keys.size(), 1);
  check_size(b, "scores", b.scores.size(), 1);
  check_size(b, "labels", b.labels.size(), 1);
  check_size(b, "confidence", b.confidence.size(), 1);
  check_size(b, "ood", b.ood.size(), 1);
  check_size(b, "verdicts", b.verdicts.size(), 1);
  check_size(b, "numbers", b.numbers.size(), b.features ? b.features->numeric.size() : 0, false);
  check_size(b, "categories", b.categories.size(), b.features ? b.features->categorical.size() : 0, false);
  if (b.probabilities.size() % static_cast<size_t>(b.rows) != 0) {
    fail(Code::invalid_argument, "prediction '{}': {} probabilities for {} rows", b.prediction_id,
         b.probabilities.size(), b.rows);
  }
}

void append_block(std::vector<LogBlock>& blocks, LogBlock&& from) {
  auto at = std::find_if(blocks.begin(), blocks.end(), [&](const LogBlock& b) { return same_group(b, from); });
  if (at == blocks.end()) {
    blocks.push_back(std::move(from));
    return;
  }
  LogBlock& to = *at;
  size_t start = to.rows();
  size_t rows = from.rows();
  constexpr float kNanFloat = std::numeric_limits<float>::quiet_NaN();
  append_rows(to.keys, from.keys, start, rows, std::string());
  append_rows(to.scores, from.scores, start, rows, kNan);
  append_rows(to.confidence, from.confidence, start, rows, kNanFloat);
  append_rows(to.ood, from.ood, start, rows, kNanFloat);
  append_rows(to.verdicts, from.verdicts, start, rows, uint8_t{0});
  for (size_t i = 0; i < to.numbers.size(); ++i) append_rows(to.numbers[i], from.numbers[i], start, rows, kNan);
  for (size_t i = 0; i < to.categories.size(); ++i) append_categories(to.categories[i], from.categories[i]);
  for (size_t i = 0; i < to.probabilities.size(); ++i)
    append_rows(to.probabilities[i], from.probabilities[i], start, rows, kNanFloat);
  append_categories(to.labels, from.labels);
  to.event_ms.insert(to.event_ms.end(), from.event_ms.begin(), from.event_ms.end());
  for (auto& request : from.requests) {
    request.first_row += static_cast<uint32_t>(start);
    to.requests.push_back(std::move(request));
  }
}

std::vector<LogBlock> build_blocks(std::span<const PredictionBatch> batches) {
  std::map<const PredictionBatch*, std::vector<const PredictionBatch*>, GroupOrder> groups;
  for (const auto& batch : batches) groups[&batch].push_back(&batch);
  std::vector<LogBlock> blocks;
  for (const auto& [first, group] : groups) blocks.push_back(build_block(group));
  return blocks;
}

}  // namespace fettle::monitoring
