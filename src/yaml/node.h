// A YAML document with the places of its parts: what values are made from, and what the editor works on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "yaml/yaml.h"

namespace fettle::yaml {

struct Node {
  enum class Kind { null, scalar, sequence, mapping };
  Kind kind = Kind::null;
  bool plain = true;     // of a scalar: neither quoted nor tagged
  bool flow = false;     // of a collection: written with brackets
  bool aliased = false;  // stands for an anchor elsewhere: has no text of its own
  std::string text = {};
  std::vector<Node> items = {};  // of a mapping: key, value, key, value…
  size_t line = 0;               // from 0
  size_t column = 0;             // in bytes, from 0
  size_t offset = 0;             // in bytes

  const Node* find(std::string_view key) const;  // the value of a mapping's key
};

std::vector<Node> read_nodes(std::string_view text, const ParseLimits& limits, bool first_only);
json::Value value_of(const Node& node, const ParseLimits& limits);

}  // namespace fettle::yaml
