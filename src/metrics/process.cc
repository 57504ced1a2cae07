#include "metrics/process.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/text.h"

namespace fettle::metrics {
namespace {

// /proc files tell no size: read until the end.
std::string read_proc(const char* path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

double field_or(const std::vector<std::string_view>& fields, size_t index) {
  return index < fields.size() ? parse_double(fields[index]).value_or(-1) : -1;
}

// "btime 1700000000" of /proc/stat.
double boot_time_s() {
  std::string stat = read_proc("/proc/stat");
  size_t at = stat.find("\nbtime ");
  if (at == std::string::npos) return -1;
  std::string_view rest = std::string_view(stat).substr(at + 7);
  return parse_double(rest.substr(0, rest.find('\n'))).value_or(-1);
}

double count_open_fds() {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return -1;
  double count = -3;  // ".", ".." and the directory itself
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

}  // namespace

ProcessSample read_process() {
  ProcessSample sample;
  static const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  static const double page = static_cast<double>(sysconf(_SC_PAGESIZE));
  static const double boot = boot_time_s();
  std::string stat = read_proc("/proc/self/stat");
  // The command's name may hold spaces and brackets: fields are counted after the last ')'. The first one there is
  // field 3.
  if (size_t end = stat.rfind(") "); end != std::string::npos) {
    auto fields = split(trim(std::string_view(stat).substr(end + 2)), ' ');
    double user = field_or(fields, 14 - 3);
    double system = field_or(fields, 15 - 3);
    if (user >= 0 && system >= 0) sample.cpu_seconds = (user + system) / ticks;
    sample.threads = field_or(fields, 20 - 3);
    double started = field_or(fields, 22 - 3);
    if (started >= 0 && boot >= 0) sample.start_time_s = boot + started / ticks;
    sample.virtual_bytes = field_or(fields, 23 - 3);
    double resident = field_or(fields, 24 - 3);
    if (resident >= 0) sample.resident_bytes = resident * page;
  }
  sample.open_fds = count_open_fds();
  return sample;
}

void add_process_metrics(Registry& registry) {
  auto set = [&registry](std::string_view name, std::string_view help, double value) {
    if (value >= 0) registry.gauge(name, help).set(value);
  };
  registry.on_collect([&registry, set] {
    ProcessSample now = read_process();
    if (now.cpu_seconds >= 0) {
      registry.observed_counter("process_cpu_seconds_total", "User and system CPU time of this process.")
          .set(now.cpu_seconds);
    }
    set("process_resident_memory_bytes", "Resident memory.", now.resident_bytes);
    set("process_virtual_memory_bytes", "Virtual memory.", now.virtual_bytes);
    set("process_open_fds", "Open file descriptors.", now.open_fds);
    set("process_threads", "Threads.", now.threads);
    set("process_start_time_seconds", "When this process started, seconds since 1970.", now.start_time_s);
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
      set("process_max_fds", "Most file descriptors that may be open.", static_cast<double>(limit.rlim_cur));
    }
  });
}

}  // namespace fettle::metrics
