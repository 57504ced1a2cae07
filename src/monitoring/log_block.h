// The prediction log's columnar form: requests of one endpoint that share revision, arm, model version and features,
// side by side.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "monitoring/prediction_batch.h"

namespace fettle::monitoring {

// Categories by their number in a dictionary. Code 0: missing; code c: dictionary[c - 1].
struct CategoryColumn {
  std::vector<std::string> dictionary;
  std::vector<uint32_t> codes;
  std::string_view at(size_t row) const { return codes[row] == 0 ? std::string_view() : dictionary[codes[row] - 1]; }
};

struct LoggedRequest {
  std::string id;
  std::string request_id;
  uint32_t first_row = 0;  // in the block
  uint32_t rows = 0;
  int64_t received_ms = 0;
  int64_t latency_ns = 0;
  int64_t model_ns = 0;
  std::string fallback;
  std::string warnings;
};

struct LogBlock {
  std::string endpoint, revision_id, rollout_id, arm, model, version;
  uint32_t revision = 0;
  std::vector<LoggedRequest> requests;
  std::vector<int64_t> event_ms;
  std::vector<std::string> keys;  // none, or per row ("": no key)

  // The body: empty when only the head was decoded.
  bool features_logged = false;
  FeatureNames names;
  std::vector<std::vector<double>> numbers;  // per numeric name
  std::vector<CategoryColumn> categories;    // per categorical name
  std::vector<double> scores;                // as all below: none, or per row
  CategoryColumn labels;
  std::vector<std::vector<float>> probabilities;  // per class
  std::vector<float> confidence;
  std::vector<float> ood;
  std::vector<uint8_t> verdicts;

  size_t rows() const { return event_ms.size(); }
};

// Groups batches of any endpoints into blocks; the order of requests within a block is that of the batches.
std::vector<LogBlock> build_blocks(std::span<const PredictionBatch> batches);

// Adds a block (with its body) to blocks in the same order of requests: to the last one that it fits, or as a new one.
void append_block(std::vector<LogBlock>& blocks, LogBlock&& block);

// Blocks of one endpoint as two zstd frames with checksums: what is needed to find and join (head), and the rest
// (body).
struct EncodedSegment {
  std::string head;
  std::string body;
};
EncodedSegment encode_segment(std::span<const LogBlock> blocks);
// data_loss when a frame is damaged or not ours; never reads past the end.
std::vector<LogBlock> decode_head(std::string_view head);
void decode_body(std::string_view body, std::vector<LogBlock>& blocks);

}  // namespace fettle::monitoring
