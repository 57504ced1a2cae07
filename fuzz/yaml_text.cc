#include "yaml/yaml.h"

#include "target.h"

namespace fettle::fuzz {

// What parses is emitted so that it parses to the same, and an edit to what is there already changes no byte's meaning.
void yaml_text(std::string_view bytes) {
  constexpr yaml::ParseLimits kLimits{.max_bytes = 4096, .max_depth = 20, .max_nodes = 500};
  // A lone CR is a line end in YAML and text to yaml-cpp; no writer makes one.
  for (size_t at = bytes.find('\r'); at != std::string_view::npos; at = bytes.find('\r', at + 1)) {
    if (bytes.substr(at, 2) != "\r\n") return;
  }
  json::Value value;
  accepts([&] { yaml::parse_all(bytes, kLimits); });
  if (!accepts([&] { value = yaml::parse(bytes, kLimits); })) return;
  std::string text = json::format(value);
  if (value.is_object() || value.is_array()) {
    std::string emitted;
    if (accepts([&] { emitted = yaml::emit(value); }))
      FETTLE_CHECK(json::format(yaml::parse(emitted)) == text, "emitting and reading change nothing: " + text + " became " + emitted);
  }
  std::string edited;
  if (value.is_object() && accepts([&] { edited = yaml::edit(bytes, value); })) {
    FETTLE_CHECK(json::format(yaml::parse(edited)) == text, "an edit to the same value changes nothing: " + text + " became " + edited);
  }
}

}  // namespace fettle::fuzz
