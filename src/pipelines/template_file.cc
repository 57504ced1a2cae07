#include "pipelines/template_file.h"

#include <charconv>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "yaml/scalar.h"
#include "yaml/yaml.h"

namespace fettle::pipelines {
namespace {

namespace fs = std::filesystem;
constexpr uint64_t kMaxBytes = uint64_t{64} << 20;
constexpr size_t kMaxStages = 100'000;

struct Place {
  std::string what;  // stages.a.cmd
  std::string file;  // dvc.yaml
};

[[noreturn]] void refuse(const Place& place, std::string_view problem) {
  fail(Code::invalid_argument, "failed to parse '{}' in '{}': {}", place.what, place.file, problem);
}

// What a value is called in a mixed string: Python's str(), with true and false in lower case.
std::string text_of(const json::Value& value) {
  switch (value.kind()) {
    case boost::json::kind::null: return "None";
    case boost::json::kind::bool_: return value.get_bool() ? "true" : "false";
    case boost::json::kind::int64: return std::to_string(value.get_int64());
    case boost::json::kind::uint64: return std::to_string(value.get_uint64());
    case boost::json::kind::double_: return yaml::format_float(value.get_double());
    case boost::json::kind::string: return std::string(value.get_string());
    default: return json::format(value, {.spaced = true});
  }
}

std::string shell_quoted(const std::string& text) {
  constexpr std::string_view kSafe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  if (!text.empty() && text.find_first_not_of(kSafe) == std::string::npos) return text;
  std::string out = "'";
  for (char c : text) out += c == '\'' ? std::string("'\"'\"'") : std::string(1, c);
  return out + "'";
}

// A mapping in a command becomes options: `{lr: 0.1, fast: true}` -> `--lr 0.1 --fast`.
void append_options(std::string& out, const json::Object& map, const std::string& prefix) {
  for (const auto& [key, value] : map) {
    std::string name = prefix.empty() ? std::string(key) : prefix + "." + std::string(key);
    if (value.is_object()) {
      append_options(out, value.get_object(), name);
      continue;
    }
    if (value.is_bool() && !value.get_bool()) continue;
    if (!out.empty()) out += ' ';
    out += "--" + name;
    if (value.is_bool()) continue;
    if (value.is_array()) {
      for (const json::Value& item : value.get_array()) out += " " + shell_quoted(text_of(item));
    } else {
      out += " " + shell_quoted(text_of(value));
    }
  }
}

class Resolver {
 public:
  Resolver(fs::path directory, std::string file, bool has_templates)
      : directory_(std::move(directory)), file_(std::move(file)), has_templates_(has_templates) {}

  std::vector<ResolvedStage> run(const json::Object& root) {
    load_default(directory_);
    if (const json::Value* vars = root.if_contains("vars")) add_vars(*vars, directory_, {"vars", file_});
    const json::Value* stages = root.if_contains("stages");
    if (stages == nullptr || !stages->is_object()) return {};
    for (const auto& [name, definition] : stages->get_object()) expand(std::string(name), definition);
    return std::move(out_);
  }

 private:
  json::Value load(const fs::path& path, const Place& place) {
    std::error_code ignored;
    if (!fs::exists(path, ignored))
      refuse(place, fmt::format("'{}' does not exist", path.lexically_relative(directory_).string()));
    std::string text = read_file(path, kMaxBytes);
    try {
      return path.extension() == ".json" ? json::parse(text) : yaml::parse(text, {.refuse_dates = has_templates_});
    } catch (const Failure& failure) {
      refuse(place, fmt::format("'{}': {}", path.filename().string(), failure.what()));
    }
  }

  void load_default(const fs::path& directory) {
    fs::path path = directory / "params.yaml";
    std::error_code ignored;
    if (!fs::exists(path, ignored)) return;
    json::Value value = load(path, {"vars", file_});
    if (value.is_object()) context_ = std::move(value.get_object());
  }

  void merge(json::Object& into, const json::Object& from, const Place& place) {
    for (const auto& [key, value] : from) {
      json::Value* old = into.if_contains(key);
      if (old == nullptr) {
        into[key] = value;
      } else if (old->is_object() && value.is_object()) {
        merge(old->get_object(), value.get_object(), place);
      } else if (*old != value) {
        refuse(place, fmt::format("cannot redefine '{}'", key));
      }
    }
  }

  void add_vars_file(std::string_view spec, const fs::path& base, const Place& place) {
    size_t colon = spec.find(':');
    fs::path path = base / spec.substr(0, colon);
    json::Value value = load(path, place);
    if (!value.is_object()) refuse(place, fmt::format("'{}' is not a mapping", path.filename().string()));
    if (colon == std::string_view::npos) {
      if (path != directory_ / "params.yaml") merge(context_, value.get_object(), place);
      return;
    }
    json::Object part;
    for (std::string_view key : split(spec.substr(colon + 1), ',')) {
      const json::Value* held = value.get_object().if_contains(key);
      if (held == nullptr) refuse(place, fmt::format("could not find '{}' in '{}'", key, path.filename().string()));
      part[key] = *held;
    }
    merge(context_, part, place);
  }

  void add_vars(const json::Value& vars, const fs::path& base, const Place& place) {
    if (!vars.is_array()) refuse(place, "expected a list");
    for (const json::Value& item : vars.get_array()) {
      if (item.is_string()) add_vars_file(item.get_string(), base, place);
      if (item.is_object()) merge(context_, item.get_object(), place);
    }
  }

  const json::Value& look_up(std::string_view expression, const Place& place) {
    std::string_view rest = trim(expression);
    const json::Value* at = nullptr;
    bool first = true;
    while (!rest.empty()) {
      size_t end = rest.find_first_of(".[", 1);
      std::string_view part = rest.substr(0, end);
      rest.remove_prefix(part.size());
      if (part[0] == '.') part.remove_prefix(1);
      if (part[0] == '[') part = part.substr(1, part.find(']') - 1);
      at = first ? context_.if_contains(part) : child(*at, part);
      if (at == nullptr) refuse(place, fmt::format("Could not find '{}'", trim(expression)));
      first = false;
    }
    if (at == nullptr) refuse(place, "empty expression '${}'");
    return *at;
  }

  static const json::Value* child(const json::Value& value, std::string_view part) {
    if (value.is_object()) return value.get_object().if_contains(part);
    size_t index = 0;
    auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
    if (!value.is_array() || error != std::errc() || end != part.data() + part.size()) return nullptr;
    return value.get_array().if_contains(index);
  }

  json::Value fill_text(std::string_view text, const Place& place, bool is_command) {
    std::string out;
    for (size_t at = 0; at < text.size();) {
      size_t open = text.find("${", at);
      if (open == std::string_view::npos) {
        out += text.substr(at);
        break;
      }
      if (open > 0 && text[open - 1] == '\\') {
        out += text.substr(at, open - 1 - at);
        out += "${";
        at = open + 2;
        continue;
      }
      size_t close = text.find('}', open);
      if (close == std::string_view::npos) refuse(place, fmt::format("'{}' is not closed", text.substr(open)));
      filled_ = true;
      const json::Value& value = look_up(text.substr(open + 2, close - open - 2), place);
      if (open == 0 && close + 1 == text.size() && !is_command) return value;
      out += text.substr(at, open - at);
      if (is_command && value.is_object()) {
        std::string options;
        append_options(options, value.get_object(), "");
        out += options;
      } else if (value.is_structured()) {
        refuse(place, fmt::format("Cannot interpolate data of type '{}'", value.is_array() ? "list" : "dict"));
      } else {
        out += text_of(value);
      }
      at = close + 1;
    }
    return json::Value(out);
  }

  json::Value fill(const json::Value& value, const Place& place, bool is_command = false) {
    if (value.is_string()) return fill_text(value.get_string(), place, is_command);
    if (const json::Array* list = value.if_array()) {
      json::Array out;
      for (const json::Value& item : *list) out.push_back(fill(item, place, is_command));
      return out;
    }
    if (const json::Object* object = value.if_object()) {
      json::Object out;
      for (const auto& [key, item] : *object) {
        json::Value name = fill_text(key, place, false);
        out[text_of(name)] = fill(item, place, is_command);
      }
      return out;
    }
    return value;
  }

  void expand(const std::string& name, const json::Value& definition) {
    if (!definition.is_object()) {
      out_.push_back({name, {}, false});
      return;
    }
    const json::Object& fields = definition.get_object();
    if (fields.contains("foreach")) {
      expand_foreach(name, fields);
    } else if (fields.contains("matrix")) {
      expand_matrix(name, fields);
    } else {
      add_stage(name, fields);
    }
  }

  void add_stage(const std::string& name, const json::Object& fields) {
    if (out_.size() >= kMaxStages) refuse({"stages." + name, file_}, fmt::format("more than {} stages", kMaxStages));
    filled_ = false;
    json::Object saved = context_;
    fs::path base = directory_;
    if (const json::Value* wdir = fields.if_contains("wdir")) {
      base = (directory_ / text_of(fill(*wdir, {"stages." + name + ".wdir", file_}))).lexically_normal();
    }
    if (const json::Value* vars = fields.if_contains("vars"))
      add_vars(*vars, base, {"stages." + name + ".vars", file_});
    ResolvedStage stage{name, {}, false};
    for (const auto& [key, value] : fields) {
      if (key == "vars" || key == "matrix") continue;
      stage.fields[key] = fill(value, {"stages." + name + "." + std::string(key), file_}, key == "cmd");
    }
    stage.templated = filled_;
    context_ = std::move(saved);
    out_.push_back(std::move(stage));
  }

  void with_item(const std::string& name, const json::Object& item, const json::Object& fields) {
    json::Object saved = context_;
    for (const auto& [key, value] : item) context_[key] = value;
    add_stage(name, fields);
    out_.back().templated = true;
    context_ = std::move(saved);
  }

  void expand_foreach(const std::string& name, const json::Object& fields) {
    Place place{"stages." + name + ".foreach", file_};
    const json::Value* body = fields.if_contains("do");
    if (body == nullptr || !body->is_object()) refuse(place, "'foreach' needs a 'do' that is a stage");
    json::Value items = fill(fields.at("foreach"), place);
    if (items.is_object()) {
      for (const auto& [key, value] : items.get_object()) {
        with_item(name + "@" + std::string(key), {{"key", json::Value(key)}, {"item", value}}, body->get_object());
      }
      return;
    }
    if (!items.is_array()) refuse(place, "expected a list or a mapping");
    bool any_structured = false;
    for (const json::Value& item : items.get_array()) any_structured = any_structured || item.is_structured();
    std::vector<std::string> seen;
    for (size_t i = 0; i < items.get_array().size(); ++i) {
      const json::Value& item = items.get_array()[i];
      std::string suffix = any_structured ? std::to_string(i) : text_of(item);
      if (std::find(seen.begin(), seen.end(), suffix) != seen.end()) continue;
      seen.push_back(suffix);
      with_item(name + "@" + suffix, {{"item", item}}, body->get_object());
    }
  }

  void expand_matrix(const std::string& name, const json::Object& fields) {
    Place place{"stages." + name + ".matrix", file_};
    json::Value matrix = fill(fields.at("matrix"), place);
    if (!matrix.is_object()) refuse(place, "expected a mapping");
    std::vector<std::pair<std::string, json::Object>> combinations = {{"", {}}};
    for (const auto& [key, values] : matrix.get_object()) {
      if (!values.is_array()) refuse(place, fmt::format("expected a list for '{}'", key));
      std::vector<std::pair<std::string, json::Object>> next;
      for (const auto& [suffix, item] : combinations) {
        for (size_t i = 0; i < values.get_array().size(); ++i) {
          const json::Value& value = values.get_array()[i];
          std::string part = value.is_structured() ? std::string(key) + std::to_string(i) : text_of(value);
          json::Object extended = item;
          extended[key] = value;
          next.emplace_back(suffix.empty() ? part : suffix + "-" + part, std::move(extended));
          if (next.size() > kMaxStages) refuse(place, fmt::format("more than {} combinations", kMaxStages));
        }
      }
      combinations = std::move(next);
    }
    for (const auto& [suffix, item] : combinations) {
      with_item(name + "@" + suffix, {{"item", item}, {"key", json::Value(suffix)}}, fields);
    }
  }

  fs::path directory_;
  std::string file_;
  bool has_templates_;
  json::Object context_;
  bool filled_ = false;
  std::vector<ResolvedStage> out_;
};

}  // namespace

std::vector<ResolvedStage> resolve_templates(const json::Object& root, const fs::path& directory,
                                             const std::string& shown_name, bool has_templates) {
  return Resolver(directory, shown_name, has_templates).run(root);
}

}  // namespace fettle::pipelines
