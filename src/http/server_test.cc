#include "http/server.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "http/compress.h"
#include "http/testing_socket.h"

namespace fettle::http {
namespace {

constexpr http::Run kPool = http::Run::pool;  // in a test's body, Run is gtest's

// A server with one loop, whose routes a test adds before start().
class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    config_.port = 0;
    config_.loops = 1;
    config_.pool_threads = 2;
    config_.linger_timeout_ms = 200;
  }

  void route(std::string method, std::string path, Handler handler, http::Run run = http::Run::inline_) {
    Route row;
    row.method = std::move(method);
    row.path = std::move(path);
    row.handler = std::move(handler);
    row.run = run;
    router_.add(std::move(row));
  }
  void start(Authoriser authorise = nullptr) {
    server_ = std::make_unique<Server>(config_, router_, std::move(authorise), clock_, registry_);
    server_->start();
  }
  RawSocket connect() { return RawSocket(server_->port()); }
  // One exchange on a connection of its own.
  std::string exchange(std::string_view bytes) {
    auto socket = connect();
    socket.send(bytes);
    return socket.read_all();
  }
  double metric(std::string_view name) {
    double sum = 0;
    for (const auto& sample : registry_.samples(name)) sum += sample.name == name ? sample.value : 0;
    return sum;
  }

  ServerConfig config_;
  Router router_;
  SystemClock clock_;
  metrics::Registry registry_;
  std::unique_ptr<Server> server_;
};

size_t count(std::string_view text, std::string_view part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

std::string body_of(std::string_view response) { return std::string(response.substr(response.find("\r\n\r\n") + 4)); }

constexpr std::string_view kClose = "Host: x\r\nConnection: close\r\n\r\n";

std::string get(std::string_view path) { return fmt::format("GET {} HTTP/1.1\r\n{}", path, kClose); }

TEST_F(ServerTest, AnswersInlinePoolAndAsyncRoutes) {
  route("GET", "/inline", [](Request&) { return Response::text(200, "inline"); });
  route("GET", "/pool/{name}", [](Request& r) { return Response::text(200, "pool " + std::string(r.param("name"))); }, kPool);
  std::jthread later;
  Route async;
  async.method = "POST";
  async.path = "/async";
  async.handler = AsyncHandler([&](Request request, Responder respond) {
    later = std::jthread([body = request.body, respond] { respond(Response::text(201, "async " + body)); });
  });
  router_.add(std::move(async));
  start();
  EXPECT_EQ(body_of(exchange(get("/inline"))), "inline");
  EXPECT_EQ(body_of(exchange(get("/pool/a%20b"))), "pool a b");
  std::string answer = exchange(fmt::format("POST /async HTTP/1.1\r\nContent-Length: 3\r\n{}abc", kClose));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 201 Created\r\n"));
  EXPECT_EQ(body_of(answer), "async abc");
}

TEST_F(ServerTest, KeepsTheConnectionAndAnswersPipelinedRequestsInOrder) {
  route("GET", "/slow", [](Request&) {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    return Response::text(200, "slow");
  }, kPool);
  route("GET", "/fast", [](Request&) { return Response::text(200, "fast"); });
  start();
  auto socket = connect();
  std::string many = "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n";
  for (int i = 0; i < 200; ++i) many += "GET /fast HTTP/1.1\r\nHost: x\r\n\r\n";
  many += get("/slow");
  socket.send(many);
  const std::string& answers = socket.read_all();
  EXPECT_EQ(count(answers, "HTTP/1.1 200 OK"), 202u);
  EXPECT_LT(answers.find("slow"), answers.find("fast"));
  EXPECT_TRUE(answers.ends_with("slow"));
  EXPECT_TRUE(socket.closed());
}

}  // namespace
}  // namespace fettle::http
