#include "rpc/server.h"

#include <grpc/support/log.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <array>
#include <atomic>
#include <chrono>
#include <map>

#include "base/log.h"

namespace fettle::rpc {

namespace {

constexpr size_t kStatusTextLimit = 4096;  // bytes; it travels in a header

// The library writes to stderr on its own, with places of its source.
void log_from_library(gpr_log_func_args* args) { log_debug("grpc says", {{"text", args->message}}); }

grpc::Status to_status(const Error& error) {
  return {static_cast<grpc::StatusCode>(status_of(error.code)), error.message.substr(0, kStatusTextLimit)};
}

std::string to_string(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  bytes.reserve(buffer.Length());
  if (buffer.Dump(&slices).ok()) {
    for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

grpc::ByteBuffer to_buffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

int64_t steady_deadline(const grpc::CallbackServerContext& context, const Clock& clock) {
  const auto deadline = context.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) return 0;
  // The library speaks wall time; what counts is how long it is from now.
  const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(
      deadline - std::chrono::system_clock::time_point(std::chrono::milliseconds(clock.now_ms())));
  if (left > std::chrono::hours(24 * 365)) return 0;
  return std::max<int64_t>(1, clock.steady_ns() + left.count());
}

Call describe(const grpc::GenericCallbackServerContext& context, const Clock& clock) {
  Call call{.method = context.method(),
            .peer = context.peer(),
            .received_ns = clock.steady_ns(),
            .deadline_ns = steady_deadline(context, clock)};
  for (const auto& [name, value] : context.client_metadata()) {
    call.metadata.emplace_back(std::string(name.data(), name.size()), std::string(value.data(), value.size()));
  }
  return call;
}

// One call: reads a message, has it answered, writes the answer; again for a stream. Owns itself until the library is
// done with it.
class Exchange final : public grpc::ServerGenericBidiReactor, public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(grpc::GenericCallbackServerContext& context, const Method& method, Call call)
      : context_(context), method_(method), call_(std::move(call)) {}

  void begin() {
    self_ = shared_from_this();
    call_.cancelled = [cancelled = cancelled_] { return cancelled->load(); };
    StartRead(&incoming_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      return Finish(method_.stream ? grpc::Status::OK
                                   : grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "the call has no message"));
    }
    std::string message = to_string(incoming_);
    incoming_.Clear();
    method_.handler(call_, std::move(message),
                    [held = self_](Outcome<Reply> reply) { held->answer(std::move(reply)); });
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the client is gone"));
    StartRead(&incoming_);
  }

  void OnCancel() override { *cancelled_ = true; }

  void OnDone() override { self_.reset(); }

 private:
  void answer(Outcome<Reply> reply) {
    if (!reply) return Finish(to_status(reply.error()));
    if (!answered_) {
      for (const auto& [name, value] : reply->metadata) context_.AddInitialMetadata(name, value);
      answered_ = true;
    }
    outgoing_ = to_buffer(reply->message);
    if (method_.stream) return StartWrite(&outgoing_);
    StartWriteAndFinish(&outgoing_, grpc::WriteOptions(), grpc::Status::OK);
  }

  grpc::GenericCallbackServerContext& context_;
  const Method& method_;
  Call call_;
  const std::shared_ptr<std::atomic<bool>> cancelled_ = std::make_shared<std::atomic<bool>>(false);
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_;
  bool answered_ = false;
  std::shared_ptr<Exchange> self_;
};

// A call that is refused before its message is read.
class Refusal final : public grpc::ServerGenericBidiReactor, public std::enable_shared_from_this<Refusal> {
 public:
  void begin(grpc::Status status) {
    self_ = shared_from_this();
    Finish(std::move(status));
  }
  void OnDone() override { self_.reset(); }

 private:
  std::shared_ptr<Refusal> self_;
};

class Dispatch final : public grpc::CallbackGenericService {
 public:
  Dispatch(std::vector<Method> methods, const Clock& clock, Authoriser authorise)
      : clock_(clock), authorise_(std::move(authorise)) {
    for (Method& method : methods) {
      std::string name = method.name;
      const bool is_new = methods_.emplace(std::move(name), std::move(method)).second;
      FETTLE_CHECK(is_new, "a method is listed twice");
    }
  }

 private:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    const auto method = methods_.find(context->method());
    if (method == methods_.end())
      return refuse(
          {Code::unimplemented, fmt::format("method '{}' is not supported", context->method().substr(0, 120))});
    Call call = describe(*context, clock_);
    if (authorise_) {
      Outcome<std::string> principal = authorise_(call, method->second.access);
      if (!principal) return refuse(principal.error());
      call.principal = std::move(*principal);
    }
    const auto exchange = std::make_shared<Exchange>(*context, method->second, std::move(call));
    exchange->begin();
    return exchange.get();
  }

  static grpc::ServerGenericBidiReactor* refuse(const Error& error) {
    const auto refusal = std::make_shared<Refusal>();
    refusal->begin(to_status(error));
    return refusal.get();
  }

  std::map<std::string, Method, std::less<>> methods_;
  const Clock& clock_;
  const Authoriser authorise_;
};

}  // namespace

struct Server::State {
  State(ServerConfig wanted, std::vector<Method> methods, const Clock& time, Authoriser authorise)
      : config(std::move(wanted)), clock(time), dispatch(std::move(methods), time, std::move(authorise)) {}

  ServerConfig config;
  const Clock& clock;
  Dispatch dispatch;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
};

Server::Server(ServerConfig config, std::vector<Method> methods, const Clock& clock, Authoriser authorise)
    : state_(std::make_unique<State>(std::move(config), std::move(methods), clock, std::move(authorise))) {}

Server::~Server() { drain(0); }

void Server::start() {
  const std::string address = fmt::format(
      "{}:{}",
      state_->config.host.find(':') == std::string::npos ? state_->config.host : "[" + state_->config.host + "]",
      state_->config.port);
  gpr_set_log_function(&log_from_library);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &state_->port);
  builder.SetMaxReceiveMessageSize(static_cast<int>(std::min<size_t>(state_->config.message_limit_bytes, INT32_MAX)));
  builder.SetMaxSendMessageSize(INT32_MAX);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, static_cast<int>(state_->config.max_concurrent_streams));
  // Two servers of one port would share its clients at random.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.RegisterCallbackGenericService(&state_->dispatch);
  state_->server = builder.BuildAndStart();
  if (!state_->server || state_->port == 0) {
    state_->server.reset();
    fail(Code::unavailable, "cannot listen for grpc on {}; is the port taken? choose another with --grpc", address);
  }
}

int Server::port() const { return state_->port; }

void Server::drain(int64_t timeout_ms) {
  if (!state_->server) return;
  state_->server->Shutdown(
      std::chrono::system_clock::time_point(std::chrono::milliseconds(state_->clock.now_ms() + timeout_ms)));
  state_->server->Wait();
  state_->server.reset();
}

int status_of(Code code) {
  // In the order of Code.
  static constexpr std::array<int, kCodeCount> kStatus = {3, 5, 6, 9, 10, 7, 16, 8, 14, 4, 12, 15, 13};
  return kStatus[static_cast<size_t>(code)];
}

}  // namespace fettle::rpc
