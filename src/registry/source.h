// Where a new version's files come from: what a client may name as `source` (spec/mlflow.md 2.8, 4.4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fettle::registry {

// What the registry asks the tracking side; connected where both are known.
class Sources {
 public:
  virtual ~Sources() = default;
  // Artifact URI of a run; nothing when there is no such run.
  virtual std::optional<std::string> run_artifact_uri(const std::string& run_id) const = 0;
  struct Model {
    std::string artifact_uri;
    std::string run_id;  // "" if it has no source run
  };
  // A logged model; nothing when there is none.
  virtual std::optional<Model> logged_model(const std::string& model_id) const = 0;
};

// `models:/NAME/VERSION`, `models:/NAME@ALIAS`, `models:/NAME/latest`, `models:/m-…`; also without the prefix.
struct ModelReference {
  std::string name;
  std::string version;  // decimal digits, or "latest" in any case
  std::string alias;
  std::string model_id;  // "m-…": then the others are empty
};
// Nothing unless it has one of these forms.
std::optional<ModelReference> parse_model_reference(std::string_view text);

struct SourceRequest {
  std::string source;
  std::string run_id;
  std::string model_id;
  bool is_prompt = false;
};
struct SourceLocation {
  std::string source;            // as stored
  std::string storage_location;  // artifact URI
  std::string run_id;            // given or inherited
  std::string model_id;
};
// For every source but `models:/NAME…`. invalid_argument when the source is not allowed, not_found when what it names
// is not there.
SourceLocation resolve_source(const SourceRequest& request, const Sources& sources);

}  // namespace fettle::registry
