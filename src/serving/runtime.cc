#include "serving/runtime.h"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <future>
#include <thread>

#include "base/file.h"
#include "base/log.h"
#include "base/sync.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "serving/version_table.h"

namespace fettle::serving {

namespace {

constexpr size_t kStatusLimit = 10'000;  // unloaded versions that the index remembers

using StatusKey = std::pair<std::string, std::string>;
using Statuses = std::map<StatusKey, ModelStatus>;

int64_t resident_bytes() {
  const std::string statm = read_file("/proc/self/statm", 4096);
  const auto parts = split(statm, ' ');
  return parts.size() > 1 ? parse_int(parts[1]).value_or(0) * 4096 : 0;
}

void check_name(std::string_view what, std::string_view name) {
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
  };
  const bool ok = !name.empty() && name.size() <= 128 && std::isalnum(static_cast<unsigned char>(name[0])) != 0 &&
                  std::ranges::all_of(name, plain);
  if (!ok)
    fail(Code::invalid_argument, "{} '{}' must match ^[A-Za-z0-9][A-Za-z0-9._-]{{0,127}}$", what, name.substr(0, 120));
}

// Values of zero and empty strings, one row: enough for the library to allocate and to choose its kernels.
std::vector<tensor::Tensor> neutral_inputs(const Backend& backend) {
  std::vector<tensor::Tensor> inputs;
  for (const TensorSpec& spec : backend.inputs()) {
    tensor::Shape shape = spec.shape;
    for (int64_t& dim : shape) dim = std::max<int64_t>(dim, dim < 0 ? 1 : 0);
    const auto count = static_cast<size_t>(tensor::element_count(shape).value_or(0));
    if (spec.dtype == tensor::DType::bytes) {
      inputs.push_back(tensor::make_string_tensor(spec.name, shape, std::vector<std::string>(count)));
    } else {
      inputs.push_back(tensor::make_tensor(spec.name, spec.dtype, shape,
                                           std::string(count * tensor::element_size(spec.dtype), '\0')));
    }
  }
  return inputs;
}

class LocalRuntime final : public Runtime {
 public:
  LocalRuntime(RuntimeConfig config, const Clock& clock, metrics::Registry& registry)
      : config_(std::move(config)),
        clock_(clock),
        registry_(registry),
        slots_(static_cast<ptrdiff_t>(config_.run_threads != 0 ? config_.run_threads
                                                               : std::max(1u, std::jthread::hardware_concurrency()))),
        table_(std::make_shared<const VersionTable>()) {}

  ~LocalRuntime() override { table_.store(std::make_shared<const VersionTable>()); }

  void load(const ModelSource& source) override {
    check_name("model name", source.name);
    check_name("model version", source.version);
    std::lock_guard lock(load_mutex_);
    const bool serves = find(source.name, source.version) != nullptr;
    if (!serves) set_status(source.name, source.version, "LOADING", "");
    try {
      auto model = retirement_.adopt(make_model(source));
      swap_in(source, std::move(model));
    } catch (const Failure& failure) {
      if (!serves) set_status(source.name, source.version, "UNAVAILABLE", failure.error().message);
      throw;
    }
    set_status(source.name, source.version, "READY", "");
    log_info("model loaded", {{"model", source.name}, {"version", source.version}});
  }

  void unload(std::string_view name, std::string_view version) override {
    std::vector<uint64_t> serials;
    {
      std::lock_guard lock(load_mutex_);
      serials = swap_out(name, version);
    }
    if (serials.empty())
      fail(Code::not_found, "model '{}'{} is not loaded", name,
           version.empty() ? "" : fmt::format(" version {}", version));
    const int64_t deadline_ns = clock_.steady_ns() + config_.unload_wait_ms * 1'000'000;
    for (uint64_t serial : serials)
      retirement_.wait_gone(serial, std::max<int64_t>(0, (deadline_ns - clock_.steady_ns()) / 1'000'000));
    statuses_.with([&](Statuses& statuses) {
      for (auto& [key, status] : statuses) {
        if (key.first == name && status.state == "UNLOADING") status.state = "UNAVAILABLE", status.reason = "unloaded";
      }
      if (statuses.size() > kStatusLimit)
        std::erase_if(statuses, [](const auto& entry) { return entry.second.reason == "unloaded"; });
    });
  }

  Outcome<std::shared_ptr<ModelPin>> pin(std::string_view name, std::string_view version) const override {
    const std::shared_ptr<const VersionTable> table = table_.load();
    const auto at = table->find(name);
    if (at != table->end()) {
      if (version.empty()) return at->second.rbegin()->second.model;
      const auto found = at->second.find(version);
      if (found != at->second.end()) return found->second.model;
    }
    return std::unexpected(why_not(name, version));
  }

  std::vector<ModelStatus> models() const override {
    std::vector<ModelStatus> all = statuses_.with([](const Statuses& statuses) {
      std::vector<ModelStatus> copy;
      for (const auto& [key, status] : statuses) copy.push_back(status);
      return copy;
    });
    std::ranges::sort(all, [](const ModelStatus& a, const ModelStatus& b) {
      return a.name != b.name ? a.name < b.name : OlderVersion{}(a.version, b.version);
    });
    return all;
  }

  std::vector<ModelStatistics> statistics() const override {
    const std::shared_ptr<const VersionTable> table = table_.load();
    std::vector<ModelStatistics> all;
    for (const auto& [name, versions] : *table) {
      for (const auto& [version, adopted] : versions) all.push_back(adopted.model->statistics());
    }
    return all;
  }

  ModelCost measure_cost(const ModelSource& source, const std::vector<tensor::Tensor>& sample,
                         const CostLimits& limits) override {
    ModelCost cost;
    cost.size_bytes =
        static_cast<int64_t>(source.bytes ? source.bytes->size() : std::filesystem::file_size(source.file));
    const int64_t before_bytes = resident_bytes();
    const int64_t begin_ns = clock_.steady_ns();
    const std::unique_ptr<Backend> backend = open(source);
    cost.load_ms = static_cast<double>(clock_.steady_ns() - begin_ns) * 1e-6;
    InferRequest request{.inputs = sample};
    const ModelShape shape{source.name, backend->inputs(), backend->outputs()};
    const CheckedRequest checked = value_or_throw(check_request(shape, request));
    std::vector<double> run_ms;
    const int64_t stop_ns = clock_.steady_ns() + limits.max_time_ms * 1'000'000;
    // The first run allocates; it is not one of those that are measured.
    value_or_throw(backend->run(checked.inputs, checked.outputs));
    do {
      const int64_t run_ns = clock_.steady_ns();
      value_or_throw(backend->run(checked.inputs, checked.outputs));
      run_ms.push_back(static_cast<double>(clock_.steady_ns() - run_ns) * 1e-6);
    } while (clock_.steady_ns() < stop_ns && static_cast<int64_t>(run_ms.size()) < limits.max_runs);
    std::ranges::sort(run_ms);
    const auto quantile = [&](double q) {
      return run_ms[static_cast<size_t>(std::ceil(q * static_cast<double>(run_ms.size()))) - 1];
    };
    cost.p50_ms = quantile(0.50);
    cost.p99_ms = quantile(0.99);
    cost.memory_bytes = std::max<int64_t>(0, resident_bytes() - before_bytes);
    return cost;
  }

 private:
  std::shared_ptr<OrtLibrary> library() {
    std::lock_guard lock(library_mutex_);
    if (!library_) {
      library_ = OrtLibrary::open({config_.onnxruntime_library, config_.binary_directory, config_.intra_op_threads});
      log_info("onnx runtime opened", {{"version", library_->version()}, {"file", library_->path()}});
    }
    return library_;
  }

  // Opens, and runs it once, on the one loader thread: sessions are big, and with the C library's memory pools per
  // thread each thread that ever loaded one would keep its share.
  std::unique_ptr<Backend> open(const ModelSource& source) {
    if (source.platform != "onnxruntime_onnx") {
      fail(Code::invalid_argument, "backend '{}' is not available; convert the model to onnx", source.platform);
    }
    std::promise<Outcome<std::unique_ptr<Backend>>> opened;
    auto answer = opened.get_future();
    const bool queued = loader_.try_run([&] {
      opened.set_value(outcome_of([&] {
        auto backend = open_onnx_model(library(), source, config_.model_limit_bytes);
        warm_up(*backend, source.name);
        // Reading and optimising a model takes several times its size for a moment; the C library would keep those
        // pages.
        malloc_trim(0);
        return backend;
      }));
    });
    if (!queued) fail(Code::unavailable, "model '{}' was not loaded: too many loads are waiting", source.name);
    return value_or_throw(answer.get());
  }

  static void warm_up(const Backend& backend, const std::string& name) {
    std::vector<size_t> outputs(backend.outputs().size());
    for (size_t i = 0; i < outputs.size(); ++i) outputs[i] = i;
    // A model may rightly refuse neutral values; the run is for warmth, not for judgement.
    if (auto warm = backend.run(neutral_inputs(backend), outputs); !warm) {
      log_debug("warm-up with neutral values was refused", {{"model", name}, {"text", warm.error().message}});
    }
  }

  std::unique_ptr<LoadedModel> make_model(const ModelSource& source) {
    return std::make_unique<LoadedModel>(source, open(source), slots_, clock_, registry_, config_.inline_cost_us);
  }

  std::shared_ptr<LoadedModel> find(std::string_view name, std::string_view version) const {
    const auto table = table_.load();
    const auto at = table->find(name);
    if (at == table->end()) return nullptr;
    const auto found = at->second.find(version);
    return found == at->second.end() ? nullptr : found->second.model;
  }

  void swap_in(const ModelSource& source, Retirement::Adopted model) {
    auto next = std::make_shared<VersionTable>(*table_.load());
    (*next)[source.name][source.version] = std::move(model);
    table_.store(std::move(next));
  }

  // The serials of what was taken out.
  std::vector<uint64_t> swap_out(std::string_view name, std::string_view version) {
    auto next = std::make_shared<VersionTable>(*table_.load());
    const auto at = next->find(name);
    std::vector<uint64_t> serials;
    if (at == next->end()) return serials;
    for (auto each = at->second.begin(); each != at->second.end();) {
      if (version.empty() || each->first == version) {
        serials.push_back(each->second.serial);
        set_status(std::string(name), each->first, "UNLOADING", "");
        each = at->second.erase(each);
      } else {
        ++each;
      }
    }
    if (at->second.empty()) next->erase(at);
    table_.store(std::move(next));
    return serials;
  }

  void set_status(const std::string& name, const std::string& version, std::string state, std::string reason) {
    statuses_.with(
        [&](Statuses& statuses) { statuses[{name, version}] = {name, version, std::move(state), std::move(reason)}; });
  }

  Error why_not(std::string_view name, std::string_view version) const {
    bool name_known = false;
    bool version_known = false;
    statuses_.with([&](const Statuses& statuses) {
      for (const auto& [key, status] : statuses) {
        name_known |= key.first == name;
        version_known |= key.first == name && key.second == version;
      }
    });
    if (!name_known) return {Code::not_found, fmt::format("Request for unknown model: '{}' is not found", name)};
    if (version.empty())
      return {Code::unavailable, fmt::format("Request for unknown model: '{}' has no available versions", name)};
    if (version_known)
      return {Code::unavailable,
              fmt::format("Request for unknown model: '{}' version {} is not at ready state", name, version)};
    return {Code::not_found, fmt::format("Request for unknown model: '{}' version {} is not found", name, version)};
  }

  const RuntimeConfig config_;
  const Clock& clock_;
  metrics::Registry& registry_;
  RunSlots slots_;
  std::mutex library_mutex_;
  std::shared_ptr<OrtLibrary> library_;
  Retirement retirement_;  // before the table: what the table lets go of retires here
  std::mutex load_mutex_;  // one load or swap at a time
  ThreadPool loader_{{.name = "model-load", .threads = 1, .queue_limit = 64}};
  Sync<Statuses> statuses_;
  std::atomic<std::shared_ptr<const VersionTable>> table_;
};

}  // namespace

std::unique_ptr<Runtime> make_runtime(RuntimeConfig config, const Clock& clock, metrics::Registry& registry) {
  return std::make_unique<LocalRuntime>(std::move(config), clock, registry);
}

}  // namespace fettle::serving
