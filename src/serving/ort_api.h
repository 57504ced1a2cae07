// ONNX Runtime's C interface without its header: opaque types, the slots of its function table that the backend calls,
// and the library opened at run time. Facts (slot numbers, signatures, ownership): the published C API of ONNX
// Runtime 1.17 and later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace fettle::serving {

struct OrtEnv;
struct OrtStatus;
struct OrtMemoryInfo;
struct OrtSession;
struct OrtValue;
struct OrtTypeInfo;
struct OrtTensorInfo;
struct OrtMapInfo;
struct OrtSequenceInfo;
struct OrtSessionOptions;
struct OrtThreadingOptions;
struct OrtAllocator;
struct OrtMetadata;

enum class OnnxKind : int32_t { unknown, tensor, sequence, map, opaque, sparse, optional };
// Element types that have a name in the Open Inference Protocol carry the numbers of ONNX's TensorProto.DataType.
using OrtElement = int32_t;

// The table's slots by name. A member is a function pointer whose position in the library's table stands in ort_api.cc.
struct OrtTable {
  int32_t (*error_code)(const OrtStatus*);
  const char* (*error_message)(const OrtStatus*);
  void (*release_status)(OrtStatus*);

  OrtStatus* (*create_env)(void (*log)(void*, int32_t, const char*, const char*, const char*, const char*), void*,
                           int32_t level, const char* id, const OrtThreadingOptions*, OrtEnv**);
  OrtStatus* (*create_threading_options)(OrtThreadingOptions**);
  OrtStatus* (*set_intra_op_threads)(OrtThreadingOptions*, int);
  OrtStatus* (*set_inter_op_threads)(OrtThreadingOptions*, int);
  OrtStatus* (*set_spin)(OrtThreadingOptions*, int);
  OrtStatus* (*set_denormal_as_zero)(OrtThreadingOptions*);
  void (*release_threading_options)(OrtThreadingOptions*);
  OrtStatus* (*disable_telemetry)(const OrtEnv*);
  void (*release_env)(OrtEnv*);

  OrtStatus* (*create_session_options)(OrtSessionOptions**);
  OrtStatus* (*disable_per_session_threads)(OrtSessionOptions*);
  OrtStatus* (*set_optimization_level)(OrtSessionOptions*, int32_t);
  OrtStatus* (*add_session_config)(OrtSessionOptions*, const char*, const char*);
  void (*release_session_options)(OrtSessionOptions*);

  OrtStatus* (*create_session)(const OrtEnv*, const char*, const OrtSessionOptions*, OrtSession**);
  OrtStatus* (*create_session_from_array)(const OrtEnv*, const void*, size_t, const OrtSessionOptions*, OrtSession**);
  OrtStatus* (*input_count)(const OrtSession*, size_t*);
  OrtStatus* (*output_count)(const OrtSession*, size_t*);
  OrtStatus* (*input_name)(const OrtSession*, size_t, OrtAllocator*, char**);
  OrtStatus* (*output_name)(const OrtSession*, size_t, OrtAllocator*, char**);
  OrtStatus* (*input_type)(const OrtSession*, size_t, OrtTypeInfo**);
  OrtStatus* (*output_type)(const OrtSession*, size_t, OrtTypeInfo**);
  void (*release_session)(OrtSession*);

  OrtStatus* (*kind_of_type)(const OrtTypeInfo*, OnnxKind*);
  OrtStatus* (*tensor_info_of_type)(const OrtTypeInfo*, const OrtTensorInfo**);
  OrtStatus* (*map_info_of_type)(const OrtTypeInfo*, const OrtMapInfo**);
  OrtStatus* (*sequence_info_of_type)(const OrtTypeInfo*, const OrtSequenceInfo**);
  OrtStatus* (*map_key_type)(const OrtMapInfo*, OrtElement*);
  OrtStatus* (*map_value_type)(const OrtMapInfo*, OrtTypeInfo**);
  OrtStatus* (*sequence_element_type)(const OrtSequenceInfo*, OrtTypeInfo**);
  void (*release_type)(OrtTypeInfo*);
  OrtStatus* (*element_type)(const OrtTensorInfo*, OrtElement*);
  OrtStatus* (*rank)(const OrtTensorInfo*, size_t*);
  OrtStatus* (*dimensions)(const OrtTensorInfo*, int64_t*, size_t);
  OrtStatus* (*symbolic_dimensions)(const OrtTensorInfo*, const char**, size_t);
  OrtStatus* (*tensor_info_of_value)(const OrtValue*, OrtTensorInfo**);
  void (*release_tensor_info)(OrtTensorInfo*);

  OrtStatus* (*wrap_tensor)(const OrtMemoryInfo*, void*, size_t, const int64_t*, size_t, OrtElement, OrtValue**);
  OrtStatus* (*create_tensor)(OrtAllocator*, const int64_t*, size_t, OrtElement, OrtValue**);
  OrtStatus* (*kind_of_value)(const OrtValue*, OnnxKind*);
  OrtStatus* (*tensor_data)(OrtValue*, void**);
  OrtStatus* (*fill_strings)(OrtValue*, const char* const*, size_t);
  OrtStatus* (*string_buffer)(OrtValue*, size_t, size_t, char**);
  OrtStatus* (*strings_size)(const OrtValue*, size_t*);
  OrtStatus* (*strings_content)(const OrtValue*, void*, size_t, size_t*, size_t);
  OrtStatus* (*value_count)(const OrtValue*, size_t*);
  OrtStatus* (*value_at)(const OrtValue*, int, OrtAllocator*, OrtValue**);
  void (*release_value)(OrtValue*);

  OrtStatus* (*cpu_memory_info)(int32_t allocator, int32_t memory, OrtMemoryInfo**);
  void (*release_memory_info)(OrtMemoryInfo*);
  OrtStatus* (*default_allocator)(OrtAllocator**);
  OrtStatus* (*allocator_free)(OrtAllocator*, void*);

  OrtStatus* (*run)(OrtSession*, const void* options, const char* const* in_names, const OrtValue* const* in,
                    size_t n_in, const char* const* out_names, size_t n_out, OrtValue** out);
};

struct OrtSearch {
  std::string configured;        // a path that someone named: used or refused, never replaced by another
  std::string binary_directory;  // looked into next; empty: that of the running program
  int intra_op_threads = 1;      // of the process-wide pool; the caller of a run is one of them
};

// The opened library with the process's one environment. Thread-safe. Sessions must be released before it.
class OrtLibrary {
 public:
  // Throws failed_precondition: not found (says how to get it), or found but unusable (names file, version and what is
  // wanted).
  static std::shared_ptr<OrtLibrary> open(const OrtSearch& search);

  struct Opened {
    std::string path;
    std::string version;
    OrtTable table;
  };
  // Sets up the environment of a library that open() has found.
  OrtLibrary(Opened opened, int intra_op_threads);
  ~OrtLibrary();
  OrtLibrary(const OrtLibrary&) = delete;
  OrtLibrary& operator=(const OrtLibrary&) = delete;

  const OrtTable& api() const { return table_; }
  OrtEnv* env() const { return env_; }
  OrtAllocator* allocator() const { return allocator_; }
  const OrtMemoryInfo* memory() const { return memory_; }
  const std::string& version() const { return version_; }
  const std::string& path() const { return path_; }

  // The message of a failed call, for the log only (it holds paths and library internals); releases the status. "" on
  // success.
  std::string take_error(OrtStatus* status) const;
  // Throws `code` with `what` when the call failed; the library's own text goes to the log.
  void check(OrtStatus* status, Code code, std::string_view what) const;

 private:
  std::string path_;
  std::string version_;
  OrtTable table_;
  OrtEnv* env_ = nullptr;
  OrtAllocator* allocator_ = nullptr;
  OrtMemoryInfo* memory_ = nullptr;
};

// The files that open() tries, in order. Pure but for reading the running program's place and listing directories.
std::vector<std::string> ort_candidates(const OrtSearch& search);

}  // namespace fettle::serving
