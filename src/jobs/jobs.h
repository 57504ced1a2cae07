// The job queue and the local executor: a bounded number of jobs at a time, each a process group with limits and a log
// file.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "jobs/job.h"
#include "sql/database.h"

namespace fettle::jobs {

struct Config {
  std::filesystem::path log_directory;
  size_t workers = 2;                             // jobs at a time
  int64_t queue_limit = 10'000;                   // jobs waiting; beyond it: resource_exhausted
  uint64_t log_limit_bytes = uint64_t{64} << 20;  // of one job; what comes after is dropped, and said so
  int64_t cancel_grace_ms = 5'000;                // from SIGTERM to SIGKILL
  // Given to every job, e.g. MLFLOW_TRACKING_URI, so that stock client code logs to this server. A job's own
  // environment wins.
  std::map<std::string, std::string> environment;
};

struct Filter {
  std::optional<State> state;
  std::string name;    // empty: all
  std::string before;  // id for paging
  int64_t limit = 100;
};

struct LogPiece {
  int64_t offset = 0;
  int64_t next_offset = 0;
  std::string text;  // bytes as the job wrote them
  bool end = false;  // the job is over and this reaches the end
};

// Thread-safe. A job is `lost` when the server that ran it died: nobody knows its end, so it is not run again by
// itself.
class Jobs {
 public:
  using Listener = std::function<void(const Job&)>;  // on a worker's thread, after the end was recorded

  Jobs(sql::Database& database, const Clock& clock, Config config);
  ~Jobs();

  // Given to every job besides Config::environment; before start().
  void add_environment(const std::string& name, const std::string& value) { config_.environment[name] = value; }
  // Marks what an earlier server left running as lost, and starts the workers.
  void start(Listener on_end);
  // Cancels what runs and waits for it; queued jobs stay queued for the next start.
  void stop();

  Job submit(const Spec& spec);
  std::optional<Job> find(const std::string& id) const;
  std::vector<Job> list(const Filter& filter) const;
  // Of the whole filter, `before` and `limit` apart.
  int64_t count(const Filter& filter) const;
  // not_found. `wait_ms`: waits so long for more bytes.
  LogPiece read_log(const std::string& id, int64_t offset, int64_t limit, int64_t wait_ms) const;
  // Idempotent: a job that is over is answered as it is.
  Job cancel(const std::string& id, const std::string& by);
  // Remembers that a job's command made this pipeline run.
  void set_pipeline_run(const std::string& id, const std::string& pipeline_run);

 private:
  struct Running;
  void work();
  std::optional<Job> take();
  void run(Job job);
  void finish(Job& job);
  std::filesystem::path log_path(const std::string& id) const;
  void add_log_size(Job& job) const;

  sql::Database& database_;
  const Clock& clock_;
  Config config_;  // constant after start()
  Listener on_end_;
  mutable std::mutex mutex_;
  std::condition_variable work_ready_;
  std::map<std::string, std::shared_ptr<Running>> running_;
  bool stopping_ = false;
  std::vector<std::jthread> workers_;
};

}  // namespace fettle::jobs
