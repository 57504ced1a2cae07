#include "yaml/yaml.h"

#include "target.h"

namespace fettle::fuzz {

// What parses is emitted so that it parses to the same, and an edit of what was emitted to what is there already
// changes nothing. Damaged text is edited too, but not held to that: yaml-cpp takes a lone CR as text and an open quote
// at the end as closed, which no writer makes.
void yaml_text(std::string_view bytes) {
  constexpr yaml::ParseLimits kLimits{.max_bytes = 4096, .max_depth = 20, .max_nodes = 500};
  json::Value value;
  accepts([&] { yaml::parse_all(bytes, kLimits); });
  if (!accepts([&] { value = yaml::parse(bytes, kLimits); })) return;
  accepts([&] { yaml::edit(bytes, value); });
  if (!value.is_object() && !value.is_array()) return;
  std::string text = json::format(value);
  std::string emitted;
  if (!accepts([&] { emitted = yaml::emit(value); })) return;
  FETTLE_CHECK(json::format(yaml::parse(emitted)) == text, "emitting and reading change nothing: " + text);
  if (value.is_object())
    FETTLE_CHECK(yaml::edit(emitted, value) == emitted, "an edit to the same value changes nothing: " + emitted);
}

}  // namespace fettle::fuzz
