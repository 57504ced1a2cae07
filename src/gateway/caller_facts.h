// What a caller says beside the features: keys, event times and the routing key (docs/rest.md 2). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "serving/runtime.h"

namespace fettle::gateway {

struct CallerFacts {
  std::string routing_key;              // empty: none was sent
  std::vector<std::string> keys;        // one for each row, one for the whole request, or none
  std::vector<int64_t> event_times_ms;  // the same
};

// Takes `fettle_key` and `fettle_event_time_ms` out of the request's inputs and parameters (rows win over the request),
// and reads the parameter `sticky_key`. invalid_argument: a key that is not 1 to 256 bytes, an event time that is no
// integer or not between 1970 and now + 5 min, a tensor of the wrong type or shape.
Outcome<CallerFacts> take_caller_facts(serving::InferRequest& request, std::string_view sticky_key, int64_t now_ms);

// Makes the facts' vectors `rows` long (a single value is repeated; no event time becomes `received_ms`);
// invalid_argument when they have another length.
Outcome<void> spread_over_rows(CallerFacts& facts, int64_t rows, int64_t received_ms);

}  // namespace fettle::gateway
