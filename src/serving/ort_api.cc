#include "serving/ort_api.h"

#include <dlfcn.h>

#include <filesystem>

#include "base/log.h"
#include "base/text.h"

namespace fettle::serving {

namespace {

constexpr uint32_t kApiVersion = 17;  // every slot below is in it; libraries 1.17 to today serve it
constexpr std::string_view kHowToGet =
    "onnx runtime not found; fix: pip install onnxruntime, then set FETTLE_ONNXRUNTIME to its "
    "onnxruntime/capi/libonnxruntime.so.* (or serving.onnxruntime_library in the configuration)";

struct ApiBase {
  const void* (*get_api)(uint32_t version);
  const char* (*version)();
};

// Slot i of the library's table, which is an array of function pointers and nothing else.
class Slots {
 public:
  explicit Slots(const void* table) : table_(static_cast<void* const*>(table)) {}
  template <class Function>
  void bind(Function& member, size_t slot) const {
    member = reinterpret_cast<Function>(table_[slot]);
  }

 private:
  void* const* table_;
};

void bind_environment(const Slots& s, OrtTable& t) {
  s.bind(t.error_code, 1);
  s.bind(t.error_message, 2);
  s.bind(t.release_status, 93);
  s.bind(t.create_env, 151);
  s.bind(t.create_threading_options, 121);
  s.bind(t.set_intra_op_threads, 147);
  s.bind(t.set_inter_op_threads, 148);
  s.bind(t.set_spin, 149);
  s.bind(t.set_denormal_as_zero, 155);
  s.bind(t.release_threading_options, 122);
  s.bind(t.disable_telemetry, 6);
  s.bind(t.release_env, 92);
  s.bind(t.cpu_memory_info, 69);
  s.bind(t.release_memory_info, 94);
  s.bind(t.default_allocator, 78);
  s.bind(t.allocator_free, 76);
}

void bind_session(const Slots& s, OrtTable& t) {
  s.bind(t.create_session_options, 10);
  s.bind(t.disable_per_session_threads, 120);
  s.bind(t.set_optimization_level, 23);
  s.bind(t.add_session_config, 130);
  s.bind(t.release_session_options, 100);
  s.bind(t.create_session, 7);
  s.bind(t.create_session_from_array, 8);
  s.bind(t.input_count, 30);
  s.bind(t.output_count, 31);
  s.bind(t.input_name, 36);
  s.bind(t.output_name, 37);
  s.bind(t.input_type, 33);
  s.bind(t.output_type, 34);
  s.bind(t.release_session, 95);
  s.bind(t.run, 9);
}

void bind_types(const Slots& s, OrtTable& t) {
  s.bind(t.kind_of_type, 56);
  s.bind(t.tensor_info_of_type, 55);
  s.bind(t.map_info_of_type, 103);
  s.bind(t.sequence_info_of_type, 104);
  s.bind(t.map_key_type, 105);
  s.bind(t.map_value_type, 106);
  s.bind(t.sequence_element_type, 107);
  s.bind(t.release_type, 98);
  s.bind(t.element_type, 60);
  s.bind(t.rank, 61);
  s.bind(t.dimensions, 62);
  s.bind(t.symbolic_dimensions, 63);
  s.bind(t.tensor_info_of_value, 65);
  s.bind(t.release_tensor_info, 99);
}

void bind_values(const Slots& s, OrtTable& t) {
  s.bind(t.wrap_tensor, 49);
  s.bind(t.create_tensor, 48);
  s.bind(t.kind_of_value, 67);
  s.bind(t.tensor_data, 51);
  s.bind(t.fill_strings, 52);
  s.bind(t.string_buffer, 252);
  s.bind(t.strings_size, 53);
  s.bind(t.strings_content, 54);
  s.bind(t.value_count, 81);
  s.bind(t.value_at, 80);
  s.bind(t.release_value, 96);
}

// Called by the library from any thread; must not throw. Level 2 is warning, 3 error, 4 fatal.
void log_from_library(void*, int32_t level, const char* category, const char*, const char*, const char* message) {
  const LogLevel ours = level >= 3 ? LogLevel::warn : LogLevel::debug;
  log(ours, "onnx runtime says", {{"category", category}, {"text", message}});
}

std::string running_directory() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path().string();
}

// The minor version N of "1.N.P"; nothing for another major version.
std::optional<int64_t> minor_version(std::string_view version) {
  const auto parts = split(version, '.');
  if (parts.size() < 2 || parts[0] != "1") return std::nullopt;
  return parse_int(parts[1]);
}

void append_libraries_of(const std::string& directory, std::vector<std::string>& found) {
  std::vector<std::string> versioned;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("libonnxruntime.so")) versioned.push_back(entry.path().string());
  }
  std::sort(versioned.begin(), versioned.end());
  found.insert(found.end(), versioned.begin(), versioned.end());
}

}  // namespace

std::vector<std::string> ort_candidates(const OrtSearch& search) {
  if (!search.configured.empty()) return {search.configured};
  std::vector<std::string> found;
  const std::string beside = search.binary_directory.empty() ? running_directory() : search.binary_directory;
  for (const char* relative : {"", "/deps/lib", "/../lib/fettle", "/../deps/lib"})
    append_libraries_of(beside + relative, found);
  found.push_back("libonnxruntime.so.1");  // by the system's library path
  found.push_back("libonnxruntime.so");
  return found;
}

std::shared_ptr<OrtLibrary> OrtLibrary::open(const OrtSearch& search) {
  void* handle = nullptr;
  std::string path;
  for (const std::string& candidate : ort_candidates(search)) {
    handle = dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL);
    path = candidate;
    if (handle != nullptr) break;
  }
  if (handle == nullptr) {
    if (search.configured.empty()) fail(Code::failed_precondition, "{}", kHowToGet);
    fail(Code::failed_precondition,
         "onnx runtime library '{}' cannot be opened; name an existing libonnxruntime.so of version 1.{} or later",
         search.configured, kApiVersion);
  }
  auto get_base = reinterpret_cast<const ApiBase* (*)()>(dlsym(handle, "OrtGetApiBase"));
  if (get_base == nullptr)
    fail(Code::failed_precondition, "'{}' is not an onnx runtime library (no OrtGetApiBase)", path);
  const ApiBase* base = get_base();
  const std::string version = base->version();
  const std::optional<int64_t> minor = minor_version(version);
  if (!minor || *minor < kApiVersion) {
    fail(Code::failed_precondition, "'{}' is onnx runtime {}; version 1.{} or later is needed", path, version,
         kApiVersion);
  }
  const void* raw = base->get_api(kApiVersion);
  if (raw == nullptr)
    fail(Code::failed_precondition, "'{}' (onnx runtime {}) does not serve api {}", path, version, kApiVersion);
  OrtTable table;
  const Slots slots(raw);
  bind_environment(slots, table);
  bind_session(slots, table);
  bind_types(slots, table);
  bind_values(slots, table);
  // Never dlclose: the library's threads and statics outlive any handle.
  return std::make_shared<OrtLibrary>(Opened{path, version, table}, search.intra_op_threads);
}

OrtLibrary::OrtLibrary(Opened opened, int intra_op_threads)
    : path_(std::move(opened.path)), version_(std::move(opened.version)), table_(opened.table) {
  OrtThreadingOptions* options = nullptr;
  const auto ok = [&](OrtStatus* status) { check(status, Code::internal, "onnx runtime could not be set up"); };
  ok(table_.create_threading_options(&options));
  ok(table_.set_intra_op_threads(options, intra_op_threads));
  ok(table_.set_inter_op_threads(options, 1));
  ok(table_.set_spin(options, 0));
  ok(table_.set_denormal_as_zero(options));
  ok(table_.create_env(&log_from_library, nullptr, 2, "fettle", options, &env_));
  table_.release_threading_options(options);
  ok(table_.disable_telemetry(env_));
  ok(table_.default_allocator(&allocator_));
  ok(table_.cpu_memory_info(0, 0, &memory_));
}

OrtLibrary::~OrtLibrary() {
  if (memory_ != nullptr) table_.release_memory_info(memory_);
  if (env_ != nullptr) table_.release_env(env_);
}

std::string OrtLibrary::take_error(OrtStatus* status) const {
  if (status == nullptr) return {};
  std::string text = table_.error_message(status);
  table_.release_status(status);
  return text.empty() ? "unknown error" : text;
}

void OrtLibrary::check(OrtStatus* status, Code code, std::string_view what) const {
  if (status == nullptr) return;
  log_warn("onnx runtime refused a call", {{"doing", what}, {"text", take_error(status)}});
  fail(code, "{}", what);
}

}  // namespace fettle::serving
