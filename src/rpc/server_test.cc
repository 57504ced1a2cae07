#include "rpc/server.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <atomic>

#include "base/thread_pool.h"

namespace fettle::rpc {
namespace {

struct Answer {
  grpc::Status status;
  std::string message;
  std::string metadata;
};

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    std::vector<Method> methods;
    methods.push_back({.name = "/t.S/Echo",
                       .access = Access::read,
                       .handler = [](const Call& call, std::string message, ReplyDone done) {
                         std::string seen;
                         for (const auto& [name, value] : call.metadata) seen += name == "x-who" ? value : "";
                         done(Reply{message + seen, {{"x-answer", "yes"}}});
                       }});
    methods.push_back({.name = "/t.S/Later",
                       .access = Access::read,
                       .handler = [this](const Call& call, std::string message, ReplyDone done) {
                         had_deadline_ = call.deadline_ns > 0;
                         pool_.try_run([message, done] { done(Reply{message}); });
                       }});
    methods.push_back(
        {.name = "/t.S/Fail", .access = Access::read, .handler = [](const Call&, std::string, ReplyDone done) {
           done(unexpected(Code::not_found, "no such thing"));
         }});
    methods.push_back({.name = "/t.S/Secret",
                       .access = Access::admin,
                       .handler = [](const Call& call, std::string, ReplyDone done) { done(Reply{call.principal}); }});
    methods.push_back({.name = "/t.S/Each",
                       .access = Access::read,
                       .stream = true,
                       .handler = [](const Call&, std::string message, ReplyDone done) {
                         if (message == "bad") return done(unexpected(Code::invalid_argument, "bad message"));
                         done(Reply{message + "!"});
                       }});
    const auto authorise = [](const Call& call, Access needed) -> Outcome<std::string> {
      if (needed != Access::admin) return "anyone";
      for (const auto& [name, value] : call.metadata) {
        if (name == "authorization" && value == "Bearer t") return "root";
      }
      return unexpected(Code::unauthenticated, "a token is needed");
    };
    server_ = std::make_unique<Server>(ServerConfig{.port = 0, .message_limit_bytes = 1 << 20}, std::move(methods),
                                       clock_, authorise);
    server_->start();
    channel_ = grpc::CreateChannel(fmt::format("127.0.0.1:{}", server_->port()), grpc::InsecureChannelCredentials());
    stub_ = std::make_unique<grpc::GenericStub>(channel_);
  }

  static std::string text(const grpc::ByteBuffer& buffer) {
    std::vector<grpc::Slice> slices;
    std::string out;
    if (buffer.Valid() && buffer.Dump(&slices).ok()) {
      for (const auto& slice : slices) out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    }
    return out;
  }
  static grpc::ByteBuffer buffer(const std::string& bytes) {
    const grpc::Slice slice(bytes);
    return {&slice, 1};
  }

  Answer call(const std::string& method, const std::string& message, const Metadata& metadata = {}) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    for (const auto& [name, value] : metadata) context.AddMetadata(name, value);
    grpc::CompletionQueue queue;
    grpc::ByteBuffer answer;
    grpc::Status status;
    auto pending = stub_->PrepareUnaryCall(&context, method, buffer(message), &queue);
    pending->StartCall();
    pending->Finish(&answer, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    const auto& initial = context.GetServerInitialMetadata();
    const auto at = initial.find("x-answer");
    return {status, text(answer), at == initial.end() ? "" : std::string(at->second.data(), at->second.size())};
  }

  SystemClock clock_;
  ThreadPool pool_{{.name = "answers", .threads = 2}};
  std::atomic<bool> had_deadline_ = false;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<grpc::GenericStub> stub_;
};

TEST_F(ServerTest, AnswersWithMetadataBothWays) {
  const Answer answer = call("/t.S/Echo", "hello ", {{"x-who", "you"}});
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.message, "hello you");
  EXPECT_EQ(answer.metadata, "yes");
}

TEST_F(ServerTest, AnswersFromAnotherThread) {
  for (int i = 0; i < 50; ++i) EXPECT_EQ(call("/t.S/Later", std::to_string(i)).message, std::to_string(i));
  EXPECT_TRUE(had_deadline_);
}

TEST_F(ServerTest, MapsErrors) {
  const Answer answer = call("/t.S/Fail", "x");
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(answer.status.error_message(), "no such thing");
  EXPECT_EQ(call("/t.S/None", "x").status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(call("/t.S/Echo", std::string(2 << 20, 'x')).status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(call("/t.S/Echo", "still there").message, "still there");
  EXPECT_EQ(status_of(Code::unauthenticated), 16);
  EXPECT_EQ(status_of(Code::deadline_exceeded), 4);
  EXPECT_EQ(status_of(Code::internal), 13);
}

TEST_F(ServerTest, AsksTheAuthoriserByMethod) {
  EXPECT_EQ(call("/t.S/Secret", "").status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(call("/t.S/Secret", "", {{"authorization", "Bearer t"}}).message, "root");
}

TEST_F(ServerTest, AnswersAStreamInOrderAndEndsItOnAnError) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  grpc::CompletionQueue queue;
  const auto next = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    return ok;
  };
  auto stream = stub_->PrepareCall(&context, "/t.S/Each", &queue);
  stream->StartCall(nullptr);
  ASSERT_TRUE(next());
  for (const char* word : {"a", "b"}) {
    stream->Write(buffer(word), nullptr);
    ASSERT_TRUE(next());
    grpc::ByteBuffer answer;
    stream->Read(&answer, nullptr);
    ASSERT_TRUE(next());
    EXPECT_EQ(text(answer), std::string(word) + "!");
  }
  stream->Write(buffer("bad"), nullptr);
  next();
  grpc::ByteBuffer answer;
  stream->Read(&answer, nullptr);
  EXPECT_FALSE(next());
  grpc::Status status;
  stream->Finish(&status, nullptr);
  next();
  EXPECT_EQ(status.error_message(), "bad message");
}

TEST_F(ServerTest, RefusesATakenPort) {
  Server second({.port = server_->port()}, {}, clock_);
  try {
    second.start();
    ADD_FAILURE() << "two servers on one port";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), Code::unavailable);
    EXPECT_NE(failure.error().message.find(std::to_string(server_->port())), std::string::npos);
  }
}

TEST_F(ServerTest, DrainsTwice) {
  EXPECT_EQ(call("/t.S/Echo", "x").message, "x");
  server_->drain(1000);
  server_->drain(1000);
  EXPECT_FALSE(call("/t.S/Echo", "x").status.ok());
}

}  // namespace
}  // namespace fettle::rpc
