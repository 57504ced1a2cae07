#pragma once

#include <cstdint>
#include <string>

namespace fettle::tracking {

struct Config {
  // Where experiments without a location of their own keep artifacts. `mlflow-artifacts:` is this server's own store.
  std::string artifact_root = "mlflow-artifacts:";
  // Compaction: when a run has this many uncompacted commits or points, they are merged into blocks.
  int64_t pending_segment_limit = 64;
  int64_t pending_point_limit = 16'384;
  size_t block_points = 1024;  // points of a full block
};

}  // namespace fettle::tracking
