// Requests, responses and headers as handlers see them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace fettle::http {

// Names compare without case; order and repeats are kept.
class Headers {
 public:
  void add(std::string_view name, std::string_view value) { fields_.emplace_back(name, value); }
  void set(std::string_view name, std::string_view value);
  // The first one, or nullptr.
  const std::string* find(std::string_view name) const;
  std::string_view get(std::string_view name) const;  // "" when absent
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// The body of a request whose route streams (Body::stream). Blocking; only from pool handlers.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  // Next piece, at most `limit` bytes; empty at the end. Throws unavailable when the client went away, invalid_argument
  // when it is larger than the route's limit.
  virtual std::string read(size_t limit = size_t{1} << 18) = 0;
};

struct Request {
  std::string method;                                       // upper case
  std::string target;                                       // as sent: path and query
  std::string path;                                         // of the target, not decoded
  std::vector<std::pair<std::string, std::string>> query;   // decoded
  std::vector<std::pair<std::string, std::string>> params;  // of the route template, decoded
  Headers headers;
  std::string body;                    // whole, already decompressed (gzip, deflate), for routes with Body::whole
  std::shared_ptr<BodyReader> stream;  // for routes with Body::stream
  std::string remote_address;
  std::string request_id;   // from X-Request-Id if it is sane, else made
  std::string principal;    // who asked, set by the authoriser; empty: anonymous
  int64_t received_ns = 0;  // steady clock

  std::string_view param(std::string_view name) const;  // "" when absent
  std::optional<std::string> find_query(std::string_view name) const;
};

// Produces a response body piece by piece; called on a pool thread. Empty: the end.
using BodySource = std::function<std::string()>;

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  BodySource source;                       // instead of body
  std::optional<uint64_t> content_length;  // of source; chunked when unknown

  static Response text(int status, std::string body, std::string_view content_type = "text/plain; charset=utf-8");
  static Response json(std::string body, int status = 200);
};

// HTTP status of an error code (one table): invalid_argument 400, unauthenticated 401, permission_denied 403, not_found
// 404, already_exists 409, failed_precondition 412 (our own REST says 409: api/common/error.h), aborted 409,
// resource_exhausted 429, unavailable 503, deadline_exceeded 504, unimplemented 501, data_loss 500, internal 500.
int status_of(Code code);

// Completes one request, from any thread, exactly once; dropping it unanswered answers 500. Copyable handle.
class Responder {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void complete(Response response) = 0;
    virtual bool abandoned() const { return false; }
  };
  Responder() = default;
  explicit Responder(std::shared_ptr<Sink> sink) : sink_(std::move(sink)) {}
  void operator()(Response response) const { sink_->complete(std::move(response)); }
  // True when the client has closed its side: costly work that has not begun may be dropped.
  bool abandoned() const { return sink_->abandoned(); }

 private:
  std::shared_ptr<Sink> sink_;
};

// A server-sent event stream: a handler keeps it and sends from any thread.
class EventStream {
 public:
  virtual ~EventStream() = default;
  // False when the client is gone or reads too slowly (its buffer of `events_buffer_bytes` is full: it is closed).
  virtual bool send(std::string_view event, std::string_view data, std::string_view id = {}) = 0;
  virtual bool open() const = 0;
};

}  // namespace fettle::http
