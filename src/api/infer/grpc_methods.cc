#include "api/infer/grpc_methods.h"

#include <array>

#include "api/infer/grpc_codec.h"
#include "base/id.h"

namespace fettle::api::infer {

namespace {

using rpc::Access;
using rpc::Call;
using rpc::Method;
using rpc::Reply;
using rpc::ReplyDone;

template <class Message>
Message parse(const std::string& bytes, std::string_view name) {
  Message message;
  if (!message.ParseFromString(bytes)) fail(Code::invalid_argument, "malformed {}", name);
  return message;
}

std::string method_name(std::string_view rpc) { return fmt::format("/inference.GRPCInferenceService/{}", rpc); }

// A call that is answered at once: decode, one call of the domain, encode.
template <class Request, class Body>
Method plain(std::string_view rpc, Access access, Body body) {
  return {.name = method_name(rpc),
          .access = access,
          .handler = [rpc, body](const Call&, std::string bytes, const ReplyDone& done) {
            done(outcome_of([&] {
              const auto request = parse<Request>(bytes, fmt::format("{}Request", rpc));
              return Reply{.message = body(request).SerializeAsString()};
            }));
          }};
}

Caller caller_of(const Call& call) {
  static constexpr std::array<std::string_view, 3> kHidden = {"authorization", "cookie", "x-api-key"};
  Caller caller{.principal = call.principal, .remote_address = call.peer, .received_ns = call.received_ns};
  for (const auto& [name, value] : call.metadata) {
    if (name == "x-request-id") caller.request_id = value.substr(0, 128);
    if (std::ranges::find(kHidden, name) == kHidden.end()) caller.headers.emplace_back(name, value);
  }
  return caller;
}

rpc::Metadata answer_metadata(const serving::InferResponse& response) {
  rpc::Metadata metadata;
  for (const auto& [name, value] : response.parameters) {
    const auto* id = name == "prediction_id" ? std::get_if<std::string>(&value) : nullptr;
    if (id != nullptr) metadata.emplace_back("x-prediction-id", *id);
  }
  return metadata;
}

void infer(const Inference& inference, const Call& call, const std::string& bytes, std::string& id,
           serving::InferDone done) {
  try {
    auto message =
        std::make_shared<inference::ModelInferRequest>(parse<inference::ModelInferRequest>(bytes, "ModelInferRequest"));
    id = message->id();
    serving::InferRequest request = decode_infer(message);
    request.deadline_ns = call.deadline_ns;
    request.abandoned = call.cancelled;
    inference.infer(message->model_name(), message->model_version(), std::move(request), caller_of(call),
                    std::move(done));
  } catch (...) {
    done(std::unexpected(error_from_current_exception()));
  }
}

// A version that is not a number is a bad argument here, where HTTP has no such path.
Error as_grpc(Error error) {
  if (error.message.ends_with("must be a positive integer")) error.code = Code::invalid_argument;
  return error;
}

Method model_infer(const Inference& inference) {
  return {.name = method_name("ModelInfer"),
          .access = Access::read,
          .handler = [&inference](const Call& call, const std::string& bytes, ReplyDone done) {
            std::string id;
            infer(inference, call, bytes, id, [done = std::move(done)](Outcome<serving::InferResponse> outcome) {
              if (!outcome) return done(std::unexpected(as_grpc(std::move(outcome.error()))));
              done(Reply{encode_infer(*outcome).SerializeAsString(), answer_metadata(*outcome)});
            });
          }};
}

// Errors of one request stand in its answer; the stream goes on.
Method model_stream_infer(const Inference& inference) {
  return {.name = method_name("ModelStreamInfer"),
          .access = Access::read,
          .stream = true,
          .handler = [&inference](const Call& call, const std::string& bytes, ReplyDone done) {
            const auto id = std::make_shared<std::string>();
            infer(inference, call, bytes, *id, [id, done = std::move(done)](Outcome<serving::InferResponse> outcome) {
              inference::ModelStreamInferResponse message;
              if (outcome) {
                *message.mutable_infer_response() = encode_infer(*outcome);
              } else {
                message.set_error_message(outcome.error().message);
                message.mutable_infer_response()->set_id(*id);
              }
              done(Reply{.message = message.SerializeAsString()});
            });
          }};
}

// KServe's clients put the model's name where Triton's have the repository's.
template <class Request>
std::string model_of(const Request& request) {
  if (request.model_name().empty()) return request.repository_name();
  if (!request.repository_name().empty()) {
    fail(Code::unimplemented, "repository '{}' is not supported; leave it empty",
         request.repository_name().substr(0, 120));
  }
  return request.model_name();
}

void add_server_calls(std::vector<Method>& methods, const Inference& inference) {
  methods.push_back(plain<inference::ServerLiveRequest>("ServerLive", Access::open, [&inference](const auto&) {
    inference::ServerLiveResponse response;
    response.set_live(inference.live());
    return response;
  }));
  methods.push_back(plain<inference::ServerReadyRequest>("ServerReady", Access::open, [&inference](const auto&) {
    inference::ServerReadyResponse response;
    response.set_ready(inference.ready());
    return response;
  }));
  methods.push_back(plain<inference::ServerMetadataRequest>("ServerMetadata", Access::open, [&inference](const auto&) {
    inference::ServerMetadataResponse response;
    response.set_name(inference.config().server_name);
    response.set_version(inference.config().server_version);
    for (const std::string& extension : Inference::extensions()) response.add_extensions(extension);
    return response;
  }));
}

void add_model_calls(std::vector<Method>& methods, const Inference& inference) {
  methods.push_back(plain<inference::ModelReadyRequest>("ModelReady", Access::read, [&inference](const auto& request) {
    inference::ModelReadyResponse response;
    response.set_ready(inference.model_ready(request.name(), request.version()));
    return response;
  }));
  methods.push_back(
      plain<inference::ModelMetadataRequest>("ModelMetadata", Access::read, [&inference](const auto& request) {
        return encode_metadata(inference.describe(request.name(), request.version()));
      }));
  methods.push_back(
      plain<inference::ModelConfigRequest>("ModelConfig", Access::read, [&inference](const auto& request) {
        inference::ModelConfigResponse response;
        *response.mutable_config() = encode_config(inference.describe(request.name(), request.version()));
        return response;
      }));
  methods.push_back(
      plain<inference::ModelStatisticsRequest>("ModelStatistics", Access::read, [&inference](const auto& request) {
        inference::ModelStatisticsResponse response;
        for (const auto& one : inference.statistics(request.name(), request.version()))
          *response.add_model_stats() = encode_statistics(one);
        return response;
      }));
}

void add_repository_calls(std::vector<Method>& methods, const Inference& inference) {
  methods.push_back(
      plain<inference::RepositoryIndexRequest>("RepositoryIndex", Access::read, [&inference](const auto& request) {
        if (!request.repository_name().empty())
          fail(Code::unimplemented, "repository '{}' is not supported; leave it empty",
               request.repository_name().substr(0, 120));
        inference::RepositoryIndexResponse response;
        for (const auto& status :
             inference.index(request.ready() ? Inference::IndexFilter::ready : Inference::IndexFilter::all)) {
          auto* model = response.add_models();
          model->set_name(status.name);
          model->set_version(status.version);
          model->set_state(status.state);
          model->set_reason(status.reason);
        }
        return response;
      }));
  methods.push_back(plain<inference::RepositoryModelLoadRequest>(
      "RepositoryModelLoad", Access::admin, [&inference](const auto& request) {
        const std::string name = model_of(request);
        if (!request.parameters().empty()) {
          fail(Code::unimplemented,
               "failed to load '{}', 'config' and 'file:' overrides are not supported; put them into the repository",
               name.substr(0, 120));
        }
        inference.load(name);
        inference::RepositoryModelLoadResponse response;
        response.set_model_name(name);
        response.set_is_loaded(true);
        return response;
      }));
  methods.push_back(plain<inference::RepositoryModelUnloadRequest>("RepositoryModelUnload", Access::admin,
                                                                   [&inference](const auto& request) {
                                                                     const std::string name = model_of(request);
                                                                     inference.unload(name);
                                                                     inference::RepositoryModelUnloadResponse response;
                                                                     response.set_model_name(name);
                                                                     response.set_is_unloaded(true);
                                                                     return response;
                                                                   }));
}

// grpc.health.v1: field 1 is the service's name in the request and the status in the answer (1 serving, 2 not serving,
// 3 unknown).
Method health_check(const Inference& inference) {
  return {.name = "/grpc.health.v1.Health/Check",
          .access = Access::open,
          .handler = [&inference](const Call&, const std::string& bytes, const ReplyDone& done) {
            const bool known = bytes.empty() || bytes.find("inference.GRPCInferenceService") != std::string::npos;
            if (!known) return done(unexpected(Code::not_found, "service is not known"));
            done(Reply{.message = std::string({'\x08', inference.ready() ? '\x01' : '\x02'})});
          }};
}

}  // namespace

std::vector<rpc::Method> grpc_methods(Inference& inference) {
  std::vector<Method> methods;
  add_server_calls(methods, inference);
  add_model_calls(methods, inference);
  add_repository_calls(methods, inference);
  methods.push_back(model_infer(inference));
  methods.push_back(model_stream_infer(inference));
  methods.push_back(health_check(inference));
  return methods;
}

}  // namespace fettle::api::infer
