// A resource as people write it: {kind, name, spec}. The spec is kept as canonical JSON text (sorted keys, shortest
// numbers); only document_file.cc knows JSON.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::platform {

struct Document {
  std::string kind;
  std::string name;
  std::string spec;  // canonical JSON object
};

// Canonical form of a JSON object: keys sorted, no spaces. invalid_argument if it is not an object.
std::string canonical_spec(std::string_view json);

// Every scalar of a spec by its path: `spec.confidence.threshold` -> `0.6`. Elements of a list of objects that have a
// `name` are keyed by it (`spec.features[temp].range`), others by position. Empty containers appear as `{}` and `[]`.
// Values are JSON text.
using Fields = std::map<std::string, std::string>;
Fields flatten(std::string_view spec);

struct FieldChange {
  std::string path;
  std::string from;  // JSON text; empty: absent
  std::string to;
};
std::vector<FieldChange> difference(const Fields& from, const Fields& to);

// JSON of a list of changes, for the history.
std::string format_changes(const std::vector<FieldChange>& changes);

}  // namespace fettle::platform
