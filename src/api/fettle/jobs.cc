#include "api/fettle/jobs.h"

#include "api/fettle/route.h"

namespace fettle::api {
namespace {

using jobs::Job;
using jobs::Jobs;

json::Object job_json(const Job& job) {
  json::Array command(job.spec.command.begin(), job.spec.command.end());
  return {{"id", job.id},
          {"name", job.spec.name},
          {"state", std::string(jobs::state_name(job.state))},
          {"reason", job.reason},
          {"command", command},
          {"directory", job.spec.directory},
          {"exit_code", optional_json(job.exit_code)},
          {"signal", optional_json(job.signal)},
          {"created_at_ms", job.created_at_ms},
          {"started_at_ms", optional_json(job.started_at_ms)},
          {"ended_at_ms", optional_json(job.ended_at_ms)},
          {"timeout_ms", job.spec.timeout_ms},
          {"cpu_ms", job.cpu_ms},
          {"peak_memory_bytes", job.peak_memory_bytes},
          {"log_bytes", job.log_bytes},
          {"by", job.spec.by},
          {"retraining_run", text_or_null(job.spec.retraining_run)},
          {"pipeline_run", text_or_null(job.pipeline_run)}};
}

http::Response submit(Jobs& jobs, const http::Request& request) {
  json::Value body = read_json(request);
  json::Problems problems;
  json::Reader in(body, problems);
  jobs::Spec spec;
  spec.name = in.string("name");
  spec.command = in.strings_or("command", {});
  spec.directory = in.string("directory");
  json::Reader environment = in.object("environment");
  for (const auto& item : environment.fields()) spec.environment[item.key()] = environment.string(item.key());
  spec.timeout_ms = in.integer_or("timeout_ms", spec.timeout_ms);
  spec.memory_bytes = in.integer_or("memory_bytes", 0);
  spec.key = in.string_or("key", "");
  spec.by = author_of(request, in);
  in.refuse_unknown();
  problems.check();
  return json_response(job_json(jobs.submit(spec)), 201);
}

http::Response list(Jobs& jobs, const http::Request& request) {
  ListPage page = read_list_page(request);
  jobs::Filter filter{.name = query_or_empty(request, "name"), .before = page.before, .limit = page.limit};
  if (std::string state = query_or_empty(request, "state"); !state.empty()) {
    filter.state = jobs::parse_state(state);
    if (!filter.state)
      fail(Code::invalid_argument,
           "state={}: expected queued, running, succeeded, failed, cancelled, timed_out or lost", state);
  }
  json::Array items;
  std::string last;
  for (const auto& job : jobs.list(filter)) {
    items.push_back(job_json(job));
    last = job.id;
  }
  return list_response(std::move(items), page, last, jobs.count(filter));
}

http::Response show(Jobs& jobs, const http::Request& request) {
  auto job = jobs.find(std::string(request.param("id")));
  if (!job) fail(Code::not_found, "no job '{}'", request.param("id"));
  return json_response(job_json(*job));
}

// Invalid UTF-8 becomes U+FFFD; a sequence cut at the end stays for the next piece.
std::string readable(std::string_view bytes) {
  std::string out;
  for (size_t at = 0; at < bytes.size();) {
    auto byte = static_cast<unsigned char>(bytes[at]);
    size_t length = byte < 0x80 ? 1 : byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC2 ? 2 : 0;
    bool valid = length > 0 && at + length <= bytes.size();
    for (size_t i = 1; valid && i < length; ++i) valid = (static_cast<unsigned char>(bytes[at + i]) & 0xC0) == 0x80;
    if (valid) {
      out += bytes.substr(at, length);
      at += length;
    } else {
      out += "\xEF\xBF\xBD";
      ++at;
    }
  }
  return out;
}

http::Response logs(Jobs& jobs, const http::Request& request) {
  int64_t offset = query_integer(request, "offset").value_or(0);
  int64_t limit = query_integer(request, "limit").value_or(65536);
  int64_t wait_ms = query_integer(request, "wait_ms").value_or(0);
  if (offset < 0 || limit < 1 || limit > (1 << 20) || wait_ms < 0 || wait_ms > 30'000) {
    fail(Code::invalid_argument, "expected offset >= 0, limit 1 to 1048576, wait_ms 0 to 30000");
  }
  auto piece = jobs.read_log(std::string(request.param("id")), offset, limit, wait_ms);
  return json_response(json::Object{{"offset", piece.offset},
                                    {"next_offset", piece.next_offset},
                                    {"text", readable(piece.text)},
                                    {"end", piece.end}});
}

http::Response cancel(Jobs& jobs, const http::Request& request) {
  json::Value body = read_json(request, {.empty = EmptyBody::object});
  json::Problems problems;
  json::Reader in(body, problems);
  std::string by = author_of(request, in);
  in.string_or("reason", "");
  in.refuse_unknown();
  problems.check();
  return json_response(job_json(jobs.cancel(std::string(request.param("id")), by)));
}

}  // namespace

std::vector<http::Route> job_routes(Jobs& jobs, bool allowed) {
  return {
      rest_route("POST", "/jobs",
                 [&jobs, allowed](http::Request& request) {
                   if (!allowed)
                     fail(Code::permission_denied,
                          "jobs run commands on this host: they are refused unless the server is bound to loopback");
                   return submit(jobs, request);
                 }),
      rest_route("GET", "/jobs", [&jobs](http::Request& request) { return list(jobs, request); }),
      rest_route("GET", "/jobs/{id}", [&jobs](http::Request& request) { return show(jobs, request); }),
      rest_route("GET", "/jobs/{id}/logs", [&jobs](http::Request& request) { return logs(jobs, request); }),
      rest_route("POST", "/jobs/{id}/cancel", [&jobs](http::Request& request) { return cancel(jobs, request); }),
  };
}

}  // namespace fettle::api
