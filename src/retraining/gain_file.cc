#include "json/json.h"
#include "retraining/retraining.h"

namespace fettle::retraining {

std::string format_gain(const Gain& gain) {
  return json::format(json::Object{{"metric", gain.metric},
                                   {"champion", gain.champion},
                                   {"candidate", gain.candidate},
                                   {"difference", gain.difference},
                                   {"interval", json::Array{gain.low, gain.high}}});
}

}  // namespace fettle::retraining
