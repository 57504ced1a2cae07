#include "jobs/jobs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/thread_pool.h"
#include "journal/journal.h"
#include "process/subprocess.h"

namespace fettle::jobs {
namespace {

constexpr std::string_view kColumns =
    "id, name, state, reason, spec, idempotency_key, submitted_by, retraining_run, pipeline_run, exit_code, signal, "
    "created_at_ms, "
    "started_at_ms, ended_at_ms, cpu_ms, peak_memory_bytes";
constexpr int64_t kLogPollMs = 50;
constexpr int64_t kLogPieceLimit = 1 << 20;

Job job_from(const sql::Row& row) {
  Job job;
  job.spec = parse_spec(row.view(4));
  job.id = row.text(0);
  job.spec.name = row.text(1);
  job.state = parse_state(row.text(2)).value_or(State::lost);
  job.reason = row.text(3);
  job.spec.key = row.text(5);
  job.spec.by = row.text(6);
  job.spec.retraining_run = row.text(7);
  job.pipeline_run = row.text(8);
  if (auto code = row.find_integer(9)) job.exit_code = static_cast<int>(*code);
  if (auto number = row.find_integer(10)) job.signal = static_cast<int>(*number);
  job.created_at_ms = row.integer(11);
  job.started_at_ms = row.find_integer(12);
  job.ended_at_ms = row.find_integer(13);
  job.cpu_ms = row.integer(14);
  job.peak_memory_bytes = row.integer(15);
  return job;
}

// Appends to a job's log up to the limit.
class LogFile {
 public:
  LogFile(const std::filesystem::path& path, uint64_t limit) : path_(path), limit_(limit) {
    fd_.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (!fd_) fail_errno(errno, "cannot write the log", path);
  }
  void append(std::string_view bytes) {
    if (written_ >= limit_) return;
    bool cut = written_ + bytes.size() > limit_;
    if (cut) bytes = bytes.substr(0, limit_ - written_);
    write_all(fd_.get(), bytes, path_);
    written_ += bytes.size();
    if (cut) write_all(fd_.get(), fmt::format("\n[the log is cut here: more than {} bytes]\n", limit_), path_);
  }

 private:
  std::filesystem::path path_;
  Fd fd_;
  uint64_t limit_;
  uint64_t written_ = 0;
};

State state_of(const process::Result& result) {
  switch (result.end) {
    case process::End::timed_out: return State::timed_out;
    case process::End::cancelled: return State::cancelled;
    case process::End::exited: return result.exit_code == 0 ? State::succeeded : State::failed;
    case process::End::signalled: break;
  }
  return State::failed;
}

}  // namespace

struct Jobs::Running {
  std::atomic<bool> cancel{false};
};

Jobs::Jobs(sql::Database& database, const Clock& clock, Config config)
    : database_(database), clock_(clock), config_(std::move(config)) {
  std::filesystem::create_directories(config_.log_directory);
}

Jobs::~Jobs() { stop(); }

void Jobs::start(Listener on_end) {
  on_end_ = std::move(on_end);
  Filter running{.state = State::running, .limit = 1000};
  for (auto& job : list(running)) {
    job.state = State::lost;
    job.reason = "the server that ran it ended; its result is unknown";
    job.ended_at_ms = clock_.now_ms();
    finish(job);
  }
  for (size_t i = 0; i < config_.workers; ++i) {
    workers_.emplace_back([this] {
      name_thread("job-worker");
      work();
    });
  }
}

void Jobs::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    for (auto& [id, running] : running_) running->cancel = true;
  }
  work_ready_.notify_all();
  workers_.clear();
}

std::filesystem::path Jobs::log_path(const std::string& id) const { return config_.log_directory / (id + ".log"); }

void Jobs::add_log_size(Job& job) const {
  struct stat info{};
  if (::stat(log_path(job.id).c_str(), &info) == 0) job.log_bytes = info.st_size;
}

Job Jobs::submit(const Spec& spec) {
  check_spec(spec);
  int64_t now_ms = clock_.now_ms();
  std::string id = database_.write([&](sql::Connection& connection) {
    if (!spec.key.empty()) {
      if (auto row = connection.query_one("select id from jobs where idempotency_key = $1", spec.key))
        return row->text(0);
    }
    int64_t waiting = connection.query_one("select count(*) from jobs where state = 'queued'")->integer(0);
    if (waiting >= config_.queue_limit) {
      fail(Error{
          Code::resource_exhausted, fmt::format("{} jobs are waiting already", waiting), {}, "wait, or cancel some"});
    }
    std::string made = new_id(now_ms);
    connection.exec(
        "insert into jobs (id, name, state, reason, spec, idempotency_key, submitted_by, retraining_run, pipeline_run, "
        "created_at_ms, cpu_ms, "
        "peak_memory_bytes) values ($1, $2, 'queued', 'waits for a free worker', $3, $4, $5, $6, '', $7, 0, 0)",
        made, spec.name, format_spec(spec), spec.key.empty() ? std::optional<std::string>() : spec.key, spec.by,
        spec.retraining_run, now_ms);
    journal::record_audit(connection, {.actor = spec.by,
                                       .action = "job.submit",
                                       .subject = "job/" + made,
                                       .detail = format_spec(spec),
                                       .at_ms = now_ms});
    return made;
  });
  work_ready_.notify_one();
  return *find(id);
}

std::optional<Job> Jobs::find(const std::string& id) const {
  auto job = database_.read([&](sql::Connection& c) -> std::optional<Job> {
    auto row = c.query_one(fmt::format("select {} from jobs where id = $1", kColumns), id);
    if (!row) return std::nullopt;
    return job_from(*row);
  });
  if (job) add_log_size(*job);
  return job;
}

std::vector<Job> Jobs::list(const Filter& filter) const {
  std::string state = filter.state ? std::string(state_name(*filter.state)) : "";
  auto jobs = database_.read([&](sql::Connection& c) {
    std::vector<Job> found;
    std::string text = fmt::format(
        "select {} from jobs where ($1 = '' or state = $1) and ($2 = '' or name = $2) and ($3 = '' or id < $3) order "
        "by id desc limit $4",
        kColumns);
    for (const auto& row : c.query(text, state, filter.name, filter.before, filter.limit))
      found.push_back(job_from(row));
    return found;
  });
  for (auto& job : jobs) add_log_size(job);
  return jobs;
}

int64_t Jobs::count(const Filter& filter) const {
  std::string state = filter.state ? std::string(state_name(*filter.state)) : "";
  return database_.read([&](sql::Connection& c) {
    return c
        .query_one("select count(*) from jobs where ($1 = '' or state = $1) and ($2 = '' or name = $2)", state,
                   filter.name)
        ->integer(0);
  });
}

LogPiece Jobs::read_log(const std::string& id, int64_t offset, int64_t limit, int64_t wait_ms) const {
  int64_t deadline_ns = clock_.steady_ns() + wait_ms * 1'000'000;
  while (true) {
    auto job = find(id);
    if (!job) fail(Code::not_found, "no job '{}'", id);
    LogPiece piece{.offset = offset, .next_offset = offset};
    int64_t have = std::min(std::clamp<int64_t>(limit, 1, kLogPieceLimit), job->log_bytes - offset);
    if (have > 0) {
      Fd fd(::open(log_path(id).c_str(), O_RDONLY | O_CLOEXEC));
      piece.text.resize(static_cast<size_t>(have));
      ssize_t got = fd ? ::pread(fd.get(), piece.text.data(), piece.text.size(), offset) : 0;
      piece.text.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
      piece.next_offset = offset + static_cast<int64_t>(piece.text.size());
    }
    piece.end = is_final(job->state) && piece.next_offset >= job->log_bytes;
    if (!piece.text.empty() || piece.end || clock_.steady_ns() >= deadline_ns) return piece;
    std::unique_lock lock(mutex_);
    std::condition_variable never;
    never.wait_for(lock, std::chrono::milliseconds(kLogPollMs));
  }
}

Job Jobs::cancel(const std::string& id, const std::string& by) {
  auto job = find(id);
  if (!job) fail(Code::not_found, "no job '{}'", id);
  if (is_final(job->state)) return *job;
  std::shared_ptr<Running> running;
  {
    std::lock_guard lock(mutex_);
    if (auto found = running_.find(id); found != running_.end()) running = found->second;
  }
  if (running) {
    running->cancel = true;
    return *job;
  }
  job->state = State::cancelled;
  job->reason = fmt::format("cancelled by {} before it ran", by);
  job->ended_at_ms = clock_.now_ms();
  finish(*job);
  return *find(id);
}

void Jobs::set_pipeline_run(const std::string& id, const std::string& pipeline_run) {
  database_.write([&](sql::Connection& connection) {
    if (connection.exec("update jobs set pipeline_run = $2 where id = $1", id, pipeline_run) == 0) return;
    journal::add_edge(connection, {{"job", id}, {"pipeline_run", pipeline_run}, "executed", clock_.now_ms()});
  });
}

std::optional<Job> Jobs::take() {
  int64_t now_ms = clock_.now_ms();
  auto id = database_.write([&](sql::Connection& connection) -> std::optional<std::string> {
    auto row = connection.query_one(
        "update jobs set state = 'running', reason = 'runs', started_at_ms = $1 where id = (select id from jobs where "
        "state = 'queued' "
        "order by id limit 1) and state = 'queued' returning id",
        now_ms);
    if (!row) return std::nullopt;
    return row->text(0);
  });
  if (!id) return std::nullopt;
  return find(*id);
}

void Jobs::work() {
  while (true) {
    std::optional<Job> job;
    try {
      job = take();
    } catch (const Failure& failure) {
      log_warn("the job queue cannot be read", {{"error", failure.what()}});
    }
    if (job) {
      run(std::move(*job));
      continue;
    }
    std::unique_lock lock(mutex_);
    if (stopping_) return;
    work_ready_.wait_for(lock, std::chrono::milliseconds(500));
    if (stopping_) return;
  }
}

void Jobs::run(Job job) {
  auto running = std::make_shared<Running>();
  {
    std::lock_guard lock(mutex_);
    running->cancel = stopping_;
    running_[job.id] = running;
  }
  try {
    LogFile log(log_path(job.id), config_.log_limit_bytes);
    process::Command command{.argv = job.spec.command, .cwd = job.spec.directory};
    for (const auto& [name, value] : config_.environment) command.environment[name] = value;
    for (const auto& [name, value] : job.spec.environment) command.environment[name] = value;
    command.environment["FETTLE_JOB_ID"] = job.id;
    command.environment["PYTHONUNBUFFERED"] = "1";
    command.limits.memory_bytes = static_cast<uint64_t>(job.spec.memory_bytes);
    command.die_with_parent = true;
    process::RunControl control{
        .timeout_ms = job.spec.timeout_ms, .grace_ms = config_.cancel_grace_ms, .cancel = &running->cancel};
    control.on_output = [&](process::Channel, std::string_view bytes) { log.append(bytes); };
    process::Result result = process::run(command, control);
    job.state = state_of(result);
    job.reason = process::describe(result);
    if (result.end == process::End::exited) job.exit_code = result.exit_code;
    if (result.signal != 0) job.signal = result.signal;
    job.cpu_ms = result.usage.cpu_ms;
    job.peak_memory_bytes = static_cast<int64_t>(result.usage.max_rss_bytes);
  } catch (...) {
    job.state = State::failed;
    job.reason = error_from_current_exception().message;
  }
  job.ended_at_ms = clock_.now_ms();
  {
    std::lock_guard lock(mutex_);
    running_.erase(job.id);
  }
  try {
    finish(job);
  } catch (const Failure& failure) {
    log_error("the end of a job could not be recorded", {{"job", job.id}, {"error", failure.what()}});
  }
}

void Jobs::finish(Job& job) {
  database_.write([&](sql::Connection& connection) {
    connection.exec(
        "update jobs set state = $2, reason = $3, exit_code = $4, signal = $5, ended_at_ms = $6, cpu_ms = $7, "
        "peak_memory_bytes = $8 where id = $1",
        job.id, state_name(job.state), job.reason, job.exit_code, job.signal, job.ended_at_ms, job.cpu_ms,
        job.peak_memory_bytes);
    journal::record_audit(connection, {.actor = "system",
                                       .action = fmt::format("job.{}", state_name(job.state)),
                                       .subject = "job/" + job.id,
                                       .detail = "{}",
                                       .at_ms = *job.ended_at_ms});
  });
  add_log_size(job);
  if (on_end_) on_end_(job);
}

}  // namespace fettle::jobs
