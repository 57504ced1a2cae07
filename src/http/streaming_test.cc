// Bodies that are not whole in memory: streamed requests and answers, events, compression; with the client of this
// module and raw sockets.
#include <gtest/gtest.h>

#include <thread>

#include "http/client.h"
#include "http/compress.h"
#include "http/server.h"
#include "http/testing_socket.h"

namespace fettle::http {
namespace {

constexpr http::Run kPool = http::Run::pool;

class StreamingTest : public testing::Test {
 protected:
  StreamingTest() {
    config_.port = 0;
    config_.loops = 1;
    config_.pool_threads = 2;
    config_.linger_timeout_ms = 200;
    config_.stream_buffer_bytes = 64 << 10;
  }
  void route(std::string method, std::string path, decltype(Route::handler) handler, Body body = Body::whole,
             size_t limit = size_t{64} << 20) {
    Route row;
    row.method = std::move(method);
    row.path = std::move(path);
    row.handler = std::move(handler);
    row.body = body;
    row.body_limit_bytes = limit;
    row.run = kPool;
    router_.add(std::move(row));
  }
  void start() {
    server_ = std::make_unique<Server>(config_, router_, nullptr, clock_, registry_);
    server_->start();
  }
  RawSocket connect() { return RawSocket(server_->port()); }
  std::string url(std::string_view path) { return fmt::format("http://127.0.0.1:{}{}", server_->port(), path); }
  ClientResponse send(ClientRequest request) {
    request.url = url(request.url);
    auto outcome = client_.send(request);
    EXPECT_TRUE(outcome) << outcome.error().message;
    return outcome ? *outcome : ClientResponse{};
  }

  ServerConfig config_;
  Router router_;
  SystemClock clock_;
  metrics::Registry registry_;
  std::unique_ptr<Server> server_;
  Client client_;
};

std::string header(const ClientResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return "";
}

// 1 MiB that does not compress to nothing.
std::string big_text() {
  std::string text;
  for (int i = 0; text.size() < (1 << 20); ++i) text += fmt::format("line {} {}\n", i, i * 7919 % 1000);
  return text;
}

// Counts what it reads, in small pieces.
Handler counter() {
  return [](Request& request) {
    size_t total = 0;
    std::string first;
    while (true) {
      std::string piece = request.stream->read(10'000);
      if (piece.empty()) break;
      if (first.empty()) first = piece.substr(0, 5);
      total += piece.size();
    }
    return Response::text(200, fmt::format("{} {}", total, first));
  };
}

TEST_F(StreamingTest, ARequestBodyIsReadInPiecesAndTheConnectionIsKept) {
  route("PUT", "/up", counter(), Body::stream);
  start();
  for (size_t size : {size_t{0}, size_t{5}, size_t{3} << 20}) {
    auto response = send({.method = "PUT", .url = "/up", .body = std::string(size, 'x')});
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, fmt::format("{} {}", size, std::string(std::min<size_t>(size, 5), 'x')));
  }
  auto socket = connect();
  std::string request =
      "PUT /up HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n";
  socket.send(request + request);
  EXPECT_EQ(socket.read_until("6 abcdeHTTP").substr(0, 15), "HTTP/1.1 200 OK");
}

TEST_F(StreamingTest, ASlowReaderHoldsTheSenderBack) {
  std::atomic<bool> go{false};
  route("PUT", "/up", Handler([&](Request& request) {
          while (!go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
          return counter()(request);
        }),
        Body::stream);
  start();
  auto socket = connect();
  std::atomic<size_t> sent{0};
  std::jthread sender([&] {
    socket.send("PUT /up HTTP/1.1\r\nHost: x\r\nContent-Length: 33554432\r\n\r\n");
    std::string piece(1 << 20, 'y');
    for (int i = 0; i < 32; ++i) {
      socket.send(piece);
      sent += piece.size();
    }
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  EXPECT_LT(sent.load(), size_t{24} << 20);  // what the kernel's buffers and ours hold
  go = true;
  EXPECT_NE(socket.read_until("yyyyy").find("33554432 yyyyy"), std::string::npos);
}

TEST_F(StreamingTest, SlowUploadsDoNotHoldThePool) {
  config_.pool_threads = 1;
  config_.stream_threads = 2;
  route("PUT", "/up", counter(), Body::stream);
  route("GET", "/x", Handler([](Request&) { return Response::text(200, "x"); }));
  start();
  std::vector<RawSocket> uploads;
  for (int i = 0; i < 4; ++i) {
    uploads.push_back(connect());
    uploads.back().send("PUT /up HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab");
  }
  EXPECT_EQ(send({.url = "/x"}).body, "x");
  for (auto& upload : uploads) upload.send("cd");
  for (auto& upload : uploads) EXPECT_NE(upload.read_until("4 ab").find("4 ab"), std::string::npos);
}

TEST_F(StreamingTest, AClientThatGoesAwayEndsTheRead) {
  std::atomic<int> code{-1};
  route("PUT", "/up", Handler([&](Request& request) {
          auto outcome = outcome_of([&] { return counter()(request); });
          code = outcome ? 100 : static_cast<int>(outcome.error().code);
          return Response{};
        }),
        Body::stream);
  start();
  {
    auto socket = connect();
    socket.send("PUT /up HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
  }
  for (int i = 0; i < 2000 && code == -1; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(code, static_cast<int>(Code::unavailable));
}

TEST_F(StreamingTest, AStalledBodyIs408AndEndsTheRead) {
  config_.body_timeout_ms = 60;
  std::atomic<bool> threw{false};
  route("PUT", "/up", Handler([&](Request& request) {
          try {
            return counter()(request);
          } catch (const Failure&) {
            threw = true;
            throw;
          }
        }),
        Body::stream);
  start();
  auto socket = connect();
  socket.send("PUT /up HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
  EXPECT_TRUE(socket.read_all().starts_with("HTTP/1.1 408 "));
  for (int i = 0; i < 2000 && !threw; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(threw);
}

TEST_F(StreamingTest, AStreamBeyondItsLimitIs413) {
  route("PUT", "/up", counter(), Body::stream, 1000);
  start();
  auto socket = connect();
  socket.send("PUT /up HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7D0\r\n" + std::string(2000, 'x') +
              "\r\n0\r\n\r\n");
  EXPECT_TRUE(socket.read_all().starts_with("HTTP/1.1 413 "));
  EXPECT_EQ(send({.method = "PUT", .url = "/up", .body = std::string(2000, 'x')}).status, 413);
}

TEST_F(StreamingTest, AStreamMayWaitFor100Continue) {
  route("PUT", "/up", counter(), Body::stream);
  route("PUT", "/never", Handler([](Request&) -> Response { fail(Code::permission_denied, "no"); }), Body::stream);
  start();
  auto socket = connect();
  socket.send("PUT /up HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(socket.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  socket.send("abc");
  EXPECT_NE(socket.read_until("3 abc").find("3 abc"), std::string::npos);
  auto refused = connect();
  refused.send("PUT /never HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_TRUE(refused.read_all().starts_with("HTTP/1.1 403 "));
}

Handler pieces(int count, size_t size, std::optional<uint64_t> length, int throw_at = -1) {
  return [=](Request&) {
    Response response;
    response.headers.add("content-type", "application/octet-stream");
    response.content_length = length;
    response.source = [=, i = 0]() mutable -> std::string {
      if (i == throw_at) fail(Code::internal, "disk went away");
      return i++ < count ? std::string(size, static_cast<char>('a' + i % 26)) : "";
    };
    return response;
  };
}

TEST_F(StreamingTest, AnAnswerIsPulledPieceByPiece) {
  route("GET", "/chunked", pieces(100, 50'000, std::nullopt));
  route("GET", "/length", pieces(100, 50'000, 5'000'000));
  start();
  for (const char* path : {"/chunked", "/length"}) {
    auto response = send({.url = path});
    EXPECT_EQ(response.body.size(), 5'000'000u);
    EXPECT_EQ(header(response, "content-length"), path == std::string("/length") ? "5000000" : "");
  }
  auto head = send({.method = "HEAD", .url = "/length"});
  EXPECT_EQ(header(head, "content-length"), "5000000");
  auto old = connect();
  old.send("GET /chunked HTTP/1.0\r\n\r\n");
  EXPECT_GT(old.read_all().size(), 5'000'000u);
  EXPECT_EQ(old.read_all().find("chunked"), std::string::npos);
}

TEST_F(StreamingTest, AnAnswerThatBreaksOffBreaksTheConnection) {
  route("GET", "/throws", pieces(10, 1000, std::nullopt, 3));
  route("GET", "/short", pieces(10, 1000, 20'000));
  route("GET", "/long", pieces(10, 1000, 5'500));
  start();
  for (const char* path : {"/throws", "/short", "/long"}) {
    auto outcome = client_.send({.url = url(path)});
    ASSERT_FALSE(outcome) << path;
    EXPECT_EQ(outcome.error().code, Code::unavailable);
  }
}

TEST_F(StreamingTest, ASlowClientHoldsTheSourceBack) {
  auto pulled = std::make_shared<std::atomic<int>>(0);
  route("GET", "/x", Handler([pulled](Request&) {
          Response response;
          response.source = [pulled]() -> std::string { return ++*pulled <= 1000 ? std::string(100'000, 'x') : ""; };
          return response;
        }));
  start();
  auto socket = connect();
  socket.send("GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  EXPECT_LT(pulled->load(), 200);
  EXPECT_GT(socket.read_all().size(), 100'000'000u);
}

TEST_F(StreamingTest, AnEndlessReaderTimesOut) {
  config_.write_timeout_ms = 80;
  route("GET", "/x", pieces(1'000'000, 100'000, std::nullopt));
  start();
  auto socket = connect();
  socket.send("GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  EXPECT_EQ(registry_.gauge("fettle_network_connections", "", {{"listener", "http"}}).value(), 0);
}

TEST_F(StreamingTest, EventsArriveAsTheyAreSent) {
  std::shared_ptr<EventStream> kept;
  std::atomic<bool> there{false};
  route("GET", "/events", EventHandler([&](Request, std::shared_ptr<EventStream> events) {
          kept = std::move(events);
          there = true;
        }));
  route("GET", "/refused",
        EventHandler([](Request, const std::shared_ptr<EventStream>&) { fail(Code::not_found, "no such job"); }));
  start();
  auto socket = connect();
  socket.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(socket.read_until("\r\n\r\n").find("content-type: text/event-stream\r\n"), std::string::npos);
  while (!there) std::this_thread::yield();
  EXPECT_TRUE(kept->send("tick", "one\ntwo", "7"));
  EXPECT_NE(socket.read_until("two").find("id: 7\nevent: tick\ndata: one\ndata: two\n\n"), std::string::npos);
  EXPECT_TRUE(kept->send("", "plain"));
  socket.read_until("data: plain\n\n");
  kept.reset();
  EXPECT_NE(socket.read_until("0\r\n\r\n").find("0\r\n\r\n"), std::string::npos);
  socket.forget();
  socket.send("GET /refused HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(socket.read_all().starts_with("HTTP/1.1 404 "));
}

TEST_F(StreamingTest, AnEventStreamEndsForGoneAndForSlowReaders) {
  config_.events_buffer_bytes = 10'000;
  std::vector<std::shared_ptr<EventStream>> kept(2);
  std::atomic<int> there{0};
  route("GET", "/events/{n}", EventHandler([&](Request request, std::shared_ptr<EventStream> events) {
          kept[request.param("n") == "1" ? 1 : 0] = std::move(events);
          ++there;
        }));
  start();
  auto gone = std::make_unique<RawSocket>(server_->port());
  gone->send("GET /events/0 HTTP/1.1\r\nHost: x\r\n\r\n");
  gone->read_until("\r\n\r\n");
  auto slow = connect();
  slow.send("GET /events/1 HTTP/1.1\r\nHost: x\r\n\r\n");
  slow.read_until("\r\n\r\n");
  gone.reset();
  for (int i = 0; i < 2000 && kept[0]->open(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_FALSE(kept[0]->open());
  EXPECT_FALSE(kept[0]->send("", "x"));
  bool sent = true;
  std::string data(5000, 'x');
  for (int i = 0; i < 100'000 && sent; ++i) sent = kept[1]->send("", data);
  EXPECT_FALSE(sent);
  kept.clear();
}

TEST_F(StreamingTest, QuietEventStreamsBeatAndEndWhenTheServerDrains) {
  config_.events_heartbeat_ms = 30;
  std::shared_ptr<EventStream> kept;
  route("GET", "/events",
        EventHandler([&](Request, std::shared_ptr<EventStream> events) { kept = std::move(events); }));
  start();
  auto socket = connect();
  socket.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(socket.read_until(":\n\n").find(":\n\n"), std::string::npos);
  EXPECT_TRUE(server_->drain(2000));
  EXPECT_TRUE(socket.read_all().ends_with("0\r\n\r\n"));
  EXPECT_FALSE(kept->send("", "late"));
}

TEST_F(StreamingTest, LargeTextIsCompressedForWhoeverTakesIt) {
  std::string text = big_text();
  route("GET", "/text", Handler([&](Request&) { return Response::text(200, text); }));
  route("GET", "/small", Handler([&](Request&) { return Response::text(200, "small"); }));
  route("GET", "/binary", Handler([&](Request&) { return Response::text(200, text, "application/octet-stream"); }));
  route("GET", "/source", Handler([&](Request&) {
          Response response = Response::text(200, "");
          response.source = [&, at = size_t{0}]() mutable {
            std::string piece = text.substr(std::min(at, text.size()), 100'000);
            at += piece.size();
            return piece;
          };
          return response;
        }));
  start();
  for (const char* path : {"/text", "/source"}) {
    auto response = send({.url = path});  // libcurl asks for gzip and decompresses
    EXPECT_EQ(header(response, "content-encoding"), "gzip") << path;
    EXPECT_EQ(header(response, "vary"), "accept-encoding");
    EXPECT_EQ(response.body, text) << path;
  }
  EXPECT_EQ(header(send({.url = "/small"}), "content-encoding"), "");
  EXPECT_EQ(header(send({.url = "/binary"}), "content-encoding"), "");
  auto plain = connect();
  plain.send("GET /text HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip;q=0\r\nConnection: close\r\n\r\n");
  EXPECT_GT(plain.read_all().size(), text.size());
}

TEST_F(StreamingTest, CompressedRequestsAreReadWithinTheirLimit) {
  route("POST", "/whole", Handler([](Request& r) { return Response::text(200, std::to_string(r.body.size())); }),
        Body::whole, 1 << 20);
  route("POST", "/stream", counter(), Body::stream, 1 << 20);
  start();
  std::string bomb = gzip(std::string(size_t{100} << 20, '\0'));
  ASSERT_LT(bomb.size(), size_t{1} << 20);
  for (std::string path : {"/whole", "/stream"}) {
    auto with = [&](std::string coding, std::string body) {
      return send({.method = "POST", .url = path, .headers = {{"Content-Encoding", coding}}, .body = std::move(body)});
    };
    auto good = with("gzip", gzip(std::string(1000, 'x')));
    EXPECT_EQ(good.status, 200) << path;
    EXPECT_TRUE(good.body.starts_with("1000")) << good.body;
    EXPECT_EQ(with("gzip", bomb).status, 413) << path;
    EXPECT_EQ(with("gzip", "not gzip").status, 400) << path;
    EXPECT_EQ(with("gzip", gzip("abc").substr(0, 10)).status, 400) << path;
    EXPECT_EQ(with("br", "x").status, 415) << path;
  }
}

TEST(Inflater, ReadsDeflateWithAndWithoutHeaderInPieces) {
  // "hello" as a zlib stream and as a bare deflate stream.
  std::string raw("\xcb\x48\xcd\xc9\xc9\x07\x00", 7);
  std::string zlib = std::string("\x78\x9c", 2) + raw + std::string("\x06\x2c\x02\x15", 4);
  for (const std::string& data : {raw, zlib}) {
    for (size_t step : {size_t{1}, size_t{100}}) {
      Inflater inflater(Coding::deflate, 100);
      std::string out;
      for (size_t at = 0; at < data.size(); at += step) inflater.feed(std::string_view(data).substr(at, step), out);
      inflater.finish();
      EXPECT_EQ(out, "hello");
    }
  }
}

TEST_F(StreamingTest, TheClientTellsItsFailuresApart) {
  route("GET", "/slow", Handler([](Request&) {
          std::this_thread::sleep_for(std::chrono::milliseconds(200));
          return Response::text(200, "late");
        }));
  route("GET", "/large", pieces(10, 1000, std::nullopt));
  route("POST", "/echo", Handler([](Request& r) {
          Response response = Response::text(207, r.method + " " + r.body);
          response.headers.add("X-Mixed-Case",
                               std::string(r.headers.get("x-sent")) + "|" + std::string(r.headers.get("content-type")));
          return response;
        }));
  start();
  EXPECT_EQ(client_.send({.url = url("/slow"), .timeout_ms = 30}).error().code, Code::deadline_exceeded);
  EXPECT_EQ(client_.send({.url = url("/large"), .response_limit_bytes = 5000}).error().code, Code::resource_exhausted);
  EXPECT_EQ(client_.send({.url = "http://127.0.0.1:1/"}).error().code, Code::unavailable);
  EXPECT_EQ(client_.send({.url = "file:///etc/passwd"}).error().code, Code::invalid_argument);
  EXPECT_EQ(client_.send({.url = url("/echo"), .headers = {{"a", "b\r\nc: d"}}}).error().code, Code::invalid_argument);
  auto echoed = send({.method = "POST", .url = "/echo", .headers = {{"X-Sent", "v"}}, .body = "data"});
  EXPECT_EQ(echoed.status, 207);
  EXPECT_EQ(echoed.body, "POST data");
  EXPECT_EQ(header(echoed, "x-mixed-case"), "v|");
}

TEST_F(StreamingTest, TheClientStreamsABodyAndStopsWhenTold) {
  route("GET", "/large", pieces(100, 1000, std::nullopt));
  start();
  size_t got = 0;
  auto all = send({.url = "/large", .on_body = [&](std::string_view piece) { return (got += piece.size()) > 0; }});
  EXPECT_EQ(got, 100'000u);
  EXPECT_EQ(all.body, "");
  auto stopped = send({.url = "/large", .on_body = [](std::string_view) { return false; }});
  EXPECT_EQ(stopped.status, 200);
  auto missing = send({.url = "/none", .on_body = [&](std::string_view) { return false; }});
  EXPECT_EQ(missing.status, 404);
  EXPECT_NE(missing.body.find("not_found"), std::string::npos);
}

}  // namespace
}  // namespace fettle::http
