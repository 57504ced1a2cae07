// What the inference edge adds to a model. A child process serves one small model; this one asks over one keep-alive
// connection, a request at a time, and reports medians and the child's CPU time a request. The health route is the
// floor of a round trip on this machine.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "api/infer/grpc_methods.h"
#include "api/infer/http_routes.h"
#include "api/infer/inference.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "http/server.h"
#include "inference.pb.h"
#include "metrics/registry.h"
#include "rpc/server.h"
#include "serving/model_repository.h"
#include "serving/runtime.h"

namespace fettle {
namespace {

namespace fs = std::filesystem;

constexpr int kWarmUp = 500;

// Serves until SIGTERM; writes "HTTP_PORT GRPC_PORT\n" to `out`.
void serve(const std::string& repository_directory, int out) {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  const SystemClock clock;
  metrics::Registry registry;
  const auto runtime =
      serving::make_runtime({.onnxruntime_library = "build/deps/lib/libonnxruntime.so"}, clock, registry);
  serving::ModelRepository repository(
      {.directory = repository_directory, .mode = serving::ControlMode::explicit_, .load_at_start = {"*"}}, *runtime);
  repository.start();
  api::infer::Inference inference({.server_version = "bench"}, {*runtime, clock, &repository, nullptr});
  http::Router router;
  router.add(api::infer::routes(inference));
  http::Server server({.port = 0, .loops = 1}, router, nullptr, clock, registry);
  server.start();
  rpc::Server grpc({.port = 0}, api::infer::grpc_methods(inference), clock);
  grpc.start();
  write_all(out, fmt::format("{} {}\n", server.port(), grpc.port()), "ports");
  int signal = 0;
  sigwait(&stop, &signal);
  inference.stop();
  server.drain(2000);
  grpc.drain(2000);
}

class Connection {
 public:
  explicit Connection(int port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      fail(Code::unavailable, "no server on port {}", port);
    const int on = 1;
    setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }

  // Sends and reads one whole answer, which must be a 200.
  void ask(const std::string& request) {
    write_all(fd_.get(), request, "socket");
    std::string answer;
    size_t need = std::string::npos;
    while (answer.size() < need) {
      char piece[65536];
      const ssize_t got = read(fd_.get(), piece, sizeof piece);
      if (got <= 0) fail(Code::unavailable, "the server closed the connection");
      answer.append(piece, static_cast<size_t>(got));
      const size_t head = answer.find("\r\n\r\n");
      if (need == std::string::npos && head != std::string::npos) {
        const std::string lower = to_lower(answer.substr(0, head));
        const size_t at = lower.find("content-length: ");
        need = head + 4 + static_cast<size_t>(std::strtoull(lower.c_str() + at + 16, nullptr, 10));
      }
    }
    if (!answer.starts_with("HTTP/1.1 200")) fail(Code::internal, "{}", answer);
  }

 private:
  Fd fd_;
};

// User and system time of a process, in microseconds.
int64_t cpu_us(pid_t child) {
  const std::string stat = read_file(fmt::format("/proc/{}/stat", child), 4096);
  const auto fields = split(std::string_view(stat).substr(stat.rfind(')') + 2), ' ');
  return (*parse_int(fields[11]) + *parse_int(fields[12])) * 1'000'000 / sysconf(_SC_CLK_TCK);
}

// Calls `ask` again and again and prints what it took.
template <class Ask>
void measure(std::string_view what, pid_t child, int requests, Ask ask) {
  for (int i = 0; i < kWarmUp; ++i) ask();
  const SystemClock clock;
  const int64_t cpu_before = cpu_us(child);
  std::vector<int64_t> times;
  for (int i = 0; i < requests; ++i) {
    const int64_t begin = clock.steady_ns();
    ask();
    times.push_back(clock.steady_ns() - begin);
  }
  const double cpu = static_cast<double>(cpu_us(child) - cpu_before) / requests;
  std::ranges::sort(times);
  const auto us = [&](double q) {
    return static_cast<double>(times[static_cast<size_t>(q * static_cast<double>(times.size() - 1))]) * 1e-3;
  };
  fmt::print("{:24} p50 {:7.1f} us   p99 {:7.1f} us   server cpu {:5.1f} us a request\n", what, us(0.5), us(0.99), cpu);
}

void measure_http(std::string_view what, int port, pid_t child, int requests, const std::string& request) {
  Connection connection(port);
  measure(what, child, requests, [&] { connection.ask(request); });
}

void measure_grpc(int port, pid_t child, int requests) {
  inference::ModelInferRequest message;
  message.set_model_name("m");
  auto* input = message.add_inputs();
  input->set_name("x");
  input->set_datatype("FP32");
  input->add_shape(1);
  input->add_shape(2);
  message.add_raw_input_contents(std::string(8, '\0'));
  const grpc::Slice slice(message.SerializeAsString());
  const grpc::ByteBuffer request(&slice, 1);
  grpc::GenericStub stub(grpc::CreateChannel(fmt::format("127.0.0.1:{}", port), grpc::InsecureChannelCredentials()));
  grpc::CompletionQueue queue;
  measure("infer 1 row, gRPC", child, requests, [&] {
    grpc::ClientContext context;
    grpc::ByteBuffer answer;
    grpc::Status status;
    auto pending = stub.PrepareUnaryCall(&context, "/inference.GRPCInferenceService/ModelInfer", request, &queue);
    pending->StartCall();
    pending->Finish(&answer, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    if (!status.ok()) fail(Code::internal, "{}", status.error_message());
  });
}

std::string post(std::string_view body, std::string_view headers = "") {
  return fmt::format("POST /v2/models/m/infer HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n{}\r\n{}", body.size(),
                     headers, body);
}

void measure_all(int port, int grpc_port, pid_t child, int requests) {
  measure_http("health (the floor)", port, child, requests, "GET /v2/health/live HTTP/1.1\r\nhost: x\r\n\r\n");
  measure_http("infer 1 row, JSON", port, child, requests,
               post(R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1.5,2.5]}]})"));
  const std::string head =
      R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}}],"parameters":{"binary_data_output":true}})";
  measure_http("infer 1 row, binary", port, child, requests,
               post(head + std::string(8, '\0'), fmt::format("inference-header-content-length: {}\r\n", head.size())));
  std::string numbers;
  for (int i = 0; i < 2000; ++i) numbers += fmt::format("{}{}", i == 0 ? "" : ",", 0.001 * i);
  measure_http(
      "infer 1000 rows, JSON", port, child, requests / 20,
      post(fmt::format(R"({{"inputs":[{{"name":"x","shape":[1000,2],"datatype":"FP32","data":[{}]}}]}})", numbers)));
  measure_grpc(grpc_port, child, requests);
}

int run(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--serve") return serve(argv[2], STDOUT_FILENO), 0;
  if (argc != 3)
    return fmt::print(stderr, "usage: bench_serving MODEL.onnx REQUESTS | bench_serving --serve REPOSITORY\n"), 2;
  const TemporaryDirectory repository;
  fs::create_directories(repository.path() / "m/1");
  fs::copy_file(argv[1], repository.path() / "m/1/model.onnx");
  int ports[2];
  if (pipe(ports) != 0) return 1;
  const pid_t child = fork();
  if (child == 0) {
    serve(repository.path().string(), ports[1]);
    _exit(0);
  }
  close(ports[1]);
  char line[64] = {};
  if (read(ports[0], line, sizeof line - 1) <= 0) return 1;
  const auto ports_of_child = split(trim(line), ' ');
  measure_all(static_cast<int>(*parse_int(ports_of_child[0])), static_cast<int>(*parse_int(ports_of_child[1])), child,
              std::atoi(argv[2]));
  kill(child, SIGTERM);
  waitpid(child, nullptr, 0);
  return 0;
}

}  // namespace
}  // namespace fettle

int main(int argc, char** argv) { return fettle::run(argc, argv); }
