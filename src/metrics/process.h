// What every Prometheus client tells about its own process.
#pragma once

#include "metrics/registry.h"

namespace fettle::metrics {

// Registers process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes, process_open_fds,
// process_max_fds, process_threads and process_start_time_seconds, read from /proc at each exposition. What cannot be
// read keeps its last value. `registry` must outlive its own collectors, which it owns.
void add_process_metrics(Registry& registry);

// The state of this process now; a field is negative when /proc does not tell it.
struct ProcessSample {
  double cpu_seconds = -1;
  double resident_bytes = -1;
  double virtual_bytes = -1;
  double open_fds = -1;
  double threads = -1;
  double start_time_s = -1;  // since 1970
};
ProcessSample read_process();

}  // namespace fettle::metrics
