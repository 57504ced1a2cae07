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
  route(
      "GET", "/pool/{name}", [](Request& r) { return Response::text(200, "pool " + std::string(r.param("name"))); },
      kPool);
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
  route(
      "GET", "/slow",
      [](Request&) {
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        return Response::text(200, "slow");
      },
      kPool);
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

std::string post(std::string_view path, std::string_view body, std::string_view headers = "") {
  return fmt::format("POST {} HTTP/1.1\r\nContent-Length: {}\r\n{}{}{}", path, body.size(), headers, kClose, body);
}

Handler echo() {
  return [](Request& r) { return Response::text(200, r.body); };
}

TEST_F(ServerTest, ErrorsAreDocumentsAndHideWhatIsInternal) {
  route(
      "GET", "/missing",
      [](Request&) -> Response { fail(Error{Code::not_found, "no run 'x'", {{"run", "x"}}, "list them"}); }, kPool);
  route("GET", "/broken", [](Request&) -> Response { throw std::runtime_error("secret path"); }, kPool);
  route("GET", "/inline", [](Request&) -> Response { throw std::runtime_error("secret path"); });
  start();
  std::string missing = exchange(fmt::format("GET /missing HTTP/1.1\r\nX-Request-Id: id-1\r\n{}", kClose));
  EXPECT_TRUE(missing.starts_with("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_EQ(
      body_of(missing),
      R"({"error":{"code":"not_found","message":"no run 'x'","fix":"list them","details":[{"path":"run","message":"x"}],"request_id":"id-1"}})");
  EXPECT_NE(missing.find("x-request-id: id-1\r\n"), std::string::npos);
  for (const char* path : {"/broken", "/inline"}) {
    std::string broken = exchange(get(path));
    EXPECT_TRUE(broken.starts_with("HTTP/1.1 500 ")) << broken;
    EXPECT_EQ(broken.find("secret"), std::string::npos);
  }
}

TEST_F(ServerTest, ASurfaceShapesItsOwnErrors) {
  Route row;
  row.method = "GET";
  row.path = "/api/x";
  row.handler = Handler([](Request&) -> Response { fail(Code::aborted, "stale"); });
  row.on_error = [](const Error& error, const Request&) {
    return Response::text(status_of(error.code), "own " + error.message);
  };
  router_.add(std::move(row));
  router_.add_error_surface("/api/", [](const Error& error, const Request&) {
    return Response::text(418, "surface " + std::string(code_name(error.code)));
  });
  start();
  EXPECT_EQ(body_of(exchange(get("/api/x"))), "own stale");
  EXPECT_EQ(body_of(exchange(get("/api/y"))), "surface not_found");
  std::string other = exchange(post("/api/x", ""));
  EXPECT_TRUE(other.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_NE(other.find("allow: GET, HEAD\r\n"), std::string::npos);
  EXPECT_TRUE(exchange(get("/other")).starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(exchange(get("/%zz")).starts_with("HTTP/1.1 400 "));
}

TEST_F(ServerTest, ARefusedRequestWithASmallBodyKeepsTheConnection) {
  route("GET", "/x", [](Request&) { return Response::text(200, "x"); });
  start();
  auto socket = connect();
  socket.send("POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody" + get("/x"));
  const std::string& answers = socket.read_all();
  EXPECT_EQ(count(answers, "HTTP/1.1 404"), 1u);
  EXPECT_EQ(count(answers, "HTTP/1.1 200"), 1u);
}

TEST_F(ServerTest, TheAuthoriserDecidesBeforeTheHandlerRuns) {
  bool ran = false;
  for (auto run : {http::Run::inline_, kPool}) {
    Route row;
    row.method = "POST";
    row.path = run == kPool ? "/pool" : "/inline";
    row.permission = Permission::write;
    row.run = run;
    row.handler = Handler([&](Request& r) {
      ran = true;
      return Response::text(200, r.principal);
    });
    router_.add(std::move(row));
  }
  start([](Request& request, Permission needed) {
    if (request.headers.get("authorization").empty()) fail(Code::unauthenticated, "no token");
    request.principal = needed == Permission::write ? "writer" : "?";
  });
  for (const char* path : {"/inline", "/pool"}) {
    EXPECT_TRUE(exchange(post(path, "x")).starts_with("HTTP/1.1 401 "));
    EXPECT_FALSE(ran);
  }
  EXPECT_EQ(body_of(exchange(post("/pool", "x", "Authorization: t\r\n"))), "writer");
}

TEST_F(ServerTest, HeadHasTheHeadersOfGetAndNoBody) {
  route("GET", "/x", [](Request&) { return Response::text(200, "12345"); });
  route("GET", "/empty", [](Request&) { return Response{.status = 204}; });
  start();
  auto socket = connect();
  socket.send("HEAD /x HTTP/1.1\r\nHost: x\r\n\r\nGET /empty HTTP/1.1\r\nHost: x\r\n\r\n" + get("/x"));
  const std::string& answers = socket.read_all();
  EXPECT_EQ(count(answers, "content-length: 5\r\n"), 2u);
  EXPECT_EQ(count(answers, "12345"), 1u);
  EXPECT_NE(answers.find("HTTP/1.1 204 No Content\r\n"), std::string::npos);
  EXPECT_EQ(count(answers, "content-length"), 2u);
}

TEST_F(ServerTest, ReadsChunkedBodiesAndExpectations) {
  route("POST", "/echo", echo(), kPool);
  start();
  EXPECT_EQ(body_of(exchange(fmt::format(
                "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n{}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", kClose))),
            "abcde");
  auto socket = connect();
  socket.send(fmt::format("POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n{}", kClose));
  EXPECT_EQ(socket.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  socket.forget();
  socket.send("abc");
  EXPECT_EQ(body_of(socket.read_all()), "abc");
}

TEST_F(ServerTest, ASlowBodyByteByByteIsWhole) {
  route("POST", "/echo", echo());
  start();
  auto socket = connect();
  for (char c : post("/echo", "hello")) {
    socket.send(std::string_view(&c, 1));
    std::this_thread::yield();
  }
  EXPECT_EQ(body_of(socket.read_all()), "hello");
}

TEST_F(ServerTest, MalformedRequestsAreAnsweredAndTheConnectionCloses) {
  start();
  for (std::string_view bad : {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                               "\x16\x03\x01\x02", "GET / HTTP/1.1\r\n\r\n"}) {
    auto socket = connect();
    socket.send(bad);
    EXPECT_TRUE(socket.read_all().starts_with("HTTP/1.1 400 Bad Request\r\n")) << bad;
    EXPECT_TRUE(socket.closed());
    EXPECT_NE(socket.read_all().find("connection: close\r\n"), std::string::npos);
  }
}

TEST_F(ServerTest, LimitsOfHeadAndBodyAreKept) {
  config_.header_limit_bytes = 1000;
  route("POST", "/x", echo());
  Route row;
  row.method = "POST";
  row.path = "/small";
  row.body_limit_bytes = 10;
  row.handler = echo();
  router_.add(std::move(row));
  start();
  EXPECT_TRUE(exchange(fmt::format("GET /x HTTP/1.1\r\nA: {}\r\n{}", std::string(2000, 'a'), kClose))
                  .starts_with("HTTP/1.1 431 "));
  EXPECT_TRUE(exchange(post("/small", "0123456789")).starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(exchange(post("/small", "0123456789a")).starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(
      exchange(
          fmt::format("POST /small HTTP/1.1\r\nTransfer-Encoding: chunked\r\n{}B\r\n0123456789a\r\n0\r\n\r\n", kClose))
          .starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(
      exchange(fmt::format("POST /small HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n{}", kClose))
          .starts_with("HTTP/1.1 413 "));
  // A client that sends its whole large body before it reads still gets the answer.
  EXPECT_TRUE(exchange(post("/small", std::string(3 << 20, 'x'))).starts_with("HTTP/1.1 413 "));
}

TEST_F(ServerTest, SlowClientsTimeOut) {
  config_.header_timeout_ms = 60;
  config_.body_timeout_ms = 60;
  config_.idle_timeout_ms = 120;
  route("POST", "/x", echo());
  start();
  auto head = connect();
  head.send("POST /x HTTP/1.1\r\nHo");
  auto body = connect();
  body.send("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
  auto idle = connect();
  EXPECT_TRUE(head.read_all().starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(body.read_all().starts_with("HTTP/1.1 408 "));
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_TRUE(head.closed() && body.closed() && idle.closed());
}

TEST_F(ServerTest, AFullPoolShedsWith429) {
  config_.pool_threads = 1;
  config_.pool_queue_limit = 1;
  std::mutex gate;
  std::atomic<int> entered{0};
  route(
      "GET", "/x",
      [&](Request&) {
        ++entered;
        std::lock_guard lock(gate);
        return Response::text(200, "x");
      },
      kPool);
  start();
  std::unique_lock closed(gate);
  auto first = connect();
  first.send(get("/x"));
  while (entered == 0) std::this_thread::yield();
  auto second = connect();
  second.send(get("/x"));
  std::string shed;
  while (!shed.starts_with("HTTP/1.1 429 ")) shed = exchange(get("/none")).empty() ? "" : exchange(get("/x"));
  EXPECT_NE(shed.find("retry-after: 1\r\n"), std::string::npos);
  closed.unlock();
  EXPECT_TRUE(first.read_all().starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(second.read_all().starts_with("HTTP/1.1 200 "));
  EXPECT_GE(metric("fettle_http_requests_shed_total"), 1);
}

TEST_F(ServerTest, ConnectionsBeyondTheLimitAreTurnedAway) {
  config_.connections_limit = 2;
  route("GET", "/x", [](Request&) { return Response::text(200, "x"); });
  start();
  auto one = connect();
  auto two = connect();
  one.send("GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
  two.send("GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
  one.read_until("\r\n\r\nx");
  two.read_until("\r\n\r\nx");
  auto three = connect();
  EXPECT_TRUE(three.read_all().starts_with("HTTP/1.1 503 "));
  one.forget();
  one.send(get("/x"));
  EXPECT_TRUE(one.read_all().starts_with("HTTP/1.1 200 "));
}

TEST_F(ServerTest, ADroppedResponderAnswers500) {
  Route row;
  row.method = "GET";
  row.path = "/x";
  row.handler = AsyncHandler([](Request, Responder) {});
  router_.add(std::move(row));
  start();
  EXPECT_TRUE(exchange(get("/x")).starts_with("HTTP/1.1 500 "));
}

TEST_F(ServerTest, AResponderThatOutlivesItsServerDoesNothing) {
  Responder kept;
  std::atomic<bool> taken{false};
  Route row;
  row.method = "GET";
  row.path = "/x";
  row.handler = AsyncHandler([&](Request, Responder respond) {
    kept = respond;
    taken = true;
  });
  router_.add(std::move(row));
  start();
  auto socket = connect();
  socket.send(get("/x"));
  while (!taken) std::this_thread::yield();
  EXPECT_FALSE(server_->drain(20));
  server_.reset();
  kept(Response::text(200, "late"));
  EXPECT_EQ(socket.read_all(), "");
}

TEST_F(ServerTest, HandlersCannotSplitTheResponse) {
  route("GET", "/x", [](Request& r) {
    Response response = Response::text(200, "x");
    response.headers.add("x-echo", "a\r\nset-cookie: b" + std::string(r.find_query("q").value_or("")));
    response.headers.add("Content-Length", "999");
    return response;
  });
  start();
  std::string answer = exchange(get("/x?q=%0d%0ac:d"));
  EXPECT_NE(answer.find("x-echo: a  set-cookie: b  c:d\r\n"), std::string::npos);
  EXPECT_EQ(answer.find("999"), std::string::npos);
}

TEST_F(ServerTest, CountsRequestsByRouteAndBytesByListener) {
  route("GET", "/things/{id}", [](Request&) { return Response::text(200, "x"); });
  start();
  exchange(get("/things/1"));
  exchange(get("/things/2"));
  exchange(get("/unknown"));
  std::string text = registry_.expose(metrics::Format::prometheus);
  EXPECT_NE(text.find("fettle_http_requests_total{method=\"GET\",route=\"/things/{id}\",status=\"200\"} 2\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("fettle_http_requests_total{method=\"GET\",route=\"unmatched\",status=\"404\"} 1\n"),
            std::string::npos);
  EXPECT_NE(text.find("fettle_http_request_duration_seconds_count{method=\"GET\",route=\"/things/{id}\"} 2\n"),
            std::string::npos);
  EXPECT_EQ(metric("fettle_http_requests_in_flight"), 0);
  EXPECT_EQ(metric("fettle_network_connections_accepted_total"), 3);
  server_->drain(1000);
  EXPECT_GT(metric("fettle_network_received_bytes_total"), 100);
  EXPECT_GT(metric("fettle_network_sent_bytes_total"), 300);
  EXPECT_EQ(metric("fettle_network_connections"), 0);
}

TEST_F(ServerTest, ATakenPortIsAnErrorThatNamesIt) {
  start();
  ServerConfig config = config_;
  config.port = server_->port();
  Server other(config, router_, nullptr, clock_, registry_);
  try {
    other.start();
    FAIL() << "a second server bound the same port";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), Code::unavailable);
    EXPECT_NE(std::string(failure.what()).find(std::to_string(config.port)), std::string::npos);
  }
}

TEST_F(ServerTest, DrainFinishesWhatIsInFlightAndClosesTheRest) {
  std::atomic<bool> entered{false};
  std::atomic<bool> go{false};
  route(
      "GET", "/slow",
      [&](Request&) {
        entered = true;
        while (!go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return Response::text(200, "finished");
      },
      kPool);
  route("GET", "/fast", [](Request&) { return Response::text(200, "fast"); });
  start();
  auto idle = connect();
  idle.send("GET /fast HTTP/1.1\r\nHost: x\r\n\r\n");
  idle.read_until("fast");
  auto busy = connect();
  busy.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  while (!entered) std::this_thread::yield();
  bool finished = false;
  std::jthread drainer([&] { finished = server_->drain(5000); });
  EXPECT_EQ(body_of(idle.read_all()), "fast");
  EXPECT_TRUE(idle.closed());
  EXPECT_FALSE(RawSocket(server_->port()).connected());
  go = true;
  const std::string& answer = busy.read_all();
  EXPECT_NE(answer.find("connection: close\r\n"), std::string::npos);
  EXPECT_EQ(body_of(answer), "finished");
  drainer.join();
  EXPECT_TRUE(finished);
}

TEST_F(ServerTest, AResponderTellsWhenItsClientHasGone) {
  std::mutex mutex;
  std::optional<Responder> kept;
  Route row;
  row.method = "GET";
  row.path = "/x";
  row.handler = AsyncHandler([&](Request, Responder respond) {
    std::lock_guard lock(mutex);
    kept = std::move(respond);
  });
  router_.add(std::move(row));
  start();
  auto abandoned = [&] {
    std::lock_guard lock(mutex);
    return kept && kept->abandoned();
  };
  {
    auto socket = connect();
    socket.send(get("/x"));
    for (bool there = false; !there; std::this_thread::yield()) {
      std::lock_guard lock(mutex);
      there = kept.has_value();
    }
    EXPECT_FALSE(abandoned());
  }
  for (int i = 0; i < 2000 && !abandoned(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(abandoned());
  (*kept)(Response::text(200, "late"));
}

TEST_F(ServerTest, DrainGivesUpInTimeOnAHandlerThatHangs) {
  std::atomic<bool> entered{false};
  std::atomic<bool> go{false};
  route(
      "GET", "/hang",
      [&](Request&) {
        entered = true;
        while (!go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return Response::text(200, "x");
      },
      kPool);
  start();
  auto socket = connect();
  socket.send(get("/hang"));
  while (!entered) std::this_thread::yield();
  auto before = std::chrono::steady_clock::now();
  EXPECT_FALSE(server_->drain(30));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(2));
  go = true;
}

TEST_F(ServerTest, SeveralLoopsShareOnePortAndFinishTheirRequestsWhileDraining) {
  config_.loops = 3;
  route("GET", "/inline", [](Request&) { return Response::text(200, "x"); });
  route("GET", "/pool", [](Request&) { return Response::text(200, "x"); }, kPool);
  start();
  std::atomic<int> answered{0};
  std::atomic<int> broken{0};
  {
    std::vector<std::jthread> clients;
    for (int t = 0; t < 4; ++t) {
      clients.emplace_back([&, t] {
        for (int i = 0; i < 50; ++i) {
          auto socket = connect();
          if (!socket.connected()) return;
          if (!socket.send(get((i + t) % 2 == 0 ? "/inline" : "/pool"))) continue;
          std::string answer = socket.read_all();
          if (answer.starts_with("HTTP/1.1 200 ")) ++answered;
          if (!answer.empty() && !answer.ends_with("\r\n\r\nx")) ++broken;
        }
      });
    }
    while (answered < 50) std::this_thread::yield();
    EXPECT_TRUE(server_->drain(5000));
  }
  EXPECT_EQ(broken, 0);
  EXPECT_GE(answered, 50);
}

}  // namespace
}  // namespace fettle::http
