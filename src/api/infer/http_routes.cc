#include "api/infer/http_routes.h"

#include <array>

#include "api/infer/infer_body.h"
#include "api/infer/model_json.h"
#include "base/log.h"
#include "base/text.h"
#include "json/json.h"

namespace fettle::api::infer {

namespace {

using http::Body;
using http::Permission;
using http::Request;
using http::Response;
using http::Route;
using http::Run;

constexpr std::string_view kHeaderLength = "inference-header-content-length";

Response answer_json(std::string body) { return Response::text(200, std::move(body), "application/json"); }

std::string readiness_json(bool live, bool ready) { return fmt::format(R"({{"live":{},"ready":{}}})", live, ready); }

// Which status is not this table's to decide: load failures and the like are 400 here, as in Triton.
int protocol_status(Code code) {
  switch (code) {
    case Code::failed_precondition:
    case Code::already_exists:
    case Code::aborted: return 400;
    default: return http::status_of(code);
  }
}

// Routing may look at a caller's headers, but credentials go no further than the authoriser.
Caller caller_of(const Request& request) {
  static constexpr std::array<std::string_view, 4> kHidden = {"authorization", "cookie", "proxy-authorization",
                                                              "x-api-key"};
  Caller caller{.principal = request.principal,
                .remote_address = request.remote_address,
                .request_id = request.request_id,
                .received_ns = request.received_ns};
  for (const auto& [name, value] : request.headers.fields()) {
    std::string lower = to_lower(name);
    if (std::ranges::find(kHidden, lower) == kHidden.end()) caller.headers.emplace_back(std::move(lower), value);
  }
  return caller;
}

Response infer_response(const serving::InferResponse& answer, const OutputForms& forms) {
  EncodedResponse encoded = encode_infer(answer, forms);
  Response response = Response::text(200, std::move(encoded.body),
                                     encoded.header_length ? "application/octet-stream" : "application/json");
  if (encoded.header_length)
    response.headers.add("Inference-Header-Content-Length", std::to_string(*encoded.header_length));
  response.headers.add("x-model-version", answer.model_version);
  for (const auto& [name, value] : answer.parameters) {
    const std::string* id = name == "prediction_id" ? std::get_if<std::string>(&value) : nullptr;
    if (id != nullptr) response.headers.add("x-prediction-id", *id);
  }
  return response;
}

// What is left of a request once its body has been taken: enough for an error.
struct Context {
  Request request;
  OutputForms forms;
};

DecodedRequest decode(const Inference& inference, const InferBody& body, std::string_view version) {
  if (is_raw(body)) return decode_raw(body, inference.describe(body.model, version));
  return decode_infer(body);
}

void handle_infer(const Inference& inference, Request request, const http::Responder& responder) {
  auto context = std::make_shared<Context>();
  const auto content = std::make_shared<const std::string>(std::move(request.body));
  context->request = std::move(request);
  try {
    const Request& kept = context->request;
    const std::string* length = kept.headers.find(kHeaderLength);
    const InferBody body{.model = kept.param("name"),
                         .content = content,
                         .header_length = length != nullptr ? std::optional<std::string_view>(*length) : std::nullopt};
    DecodedRequest decoded = decode(inference, body, kept.param("version"));
    context->forms = std::move(decoded.forms);
    decoded.request.abandoned = [responder] { return responder.abandoned(); };
    inference.infer(kept.param("name"), kept.param("version"), std::move(decoded.request), caller_of(kept),
                    [context, responder](Outcome<serving::InferResponse> outcome) {
                      auto response = outcome ? outcome_of([&] { return infer_response(*outcome, context->forms); })
                                              : Outcome<Response>(std::unexpected(std::move(outcome.error())));
                      responder(response ? std::move(*response) : protocol_error(response.error(), context->request));
                    });
  } catch (...) {
    responder(protocol_error(error_from_current_exception(), context->request));
  }
}

// The optional JSON object of a repository call.
json::Value body_object(const Request& request) {
  if (trim(request.body).empty()) return json::Object{};
  json::Value value = json::parse(request.body);
  if (!value.is_object()) fail(Code::invalid_argument, "the body must be a json object");
  return value;
}

Response repository_index(const Inference& inference, const Request& request) {
  const json::Value body = body_object(request);
  const json::Value* ready = body.as_object().if_contains("ready");
  if (ready != nullptr && !ready->is_bool()) fail(Code::invalid_argument, "'ready' must be a bool");
  const bool only_ready = ready != nullptr && ready->as_bool();
  return answer_json(
      index_json(inference.index(only_ready ? Inference::IndexFilter::ready : Inference::IndexFilter::all)));
}

Response repository_load(const Inference& inference, const Request& request) {
  const std::string name(request.param("name"));
  const json::Value body = body_object(request);
  const json::Value* parameters = body.as_object().if_contains("parameters");
  if (parameters != nullptr && parameters->is_object() && !parameters->as_object().empty()) {
    fail(Code::unimplemented,
         "failed to load '{}', 'config' and 'file:' overrides are not supported; put them into the repository", name);
  }
  inference.load(name);
  std::string text;
  json::Writer(text).begin_object().key("name").string(name).key("load").boolean(true).end_object();
  return answer_json(std::move(text));
}

Response repository_unload(const Inference& inference, const Request& request) {
  const std::string name(request.param("name"));
  body_object(request);
  inference.unload(name);
  std::string text;
  json::Writer(text).begin_object().key("name").string(name).key("unload").boolean(true).end_object();
  return answer_json(std::move(text));
}

Response model_ready(const Inference& inference, const Request& request) {
  const std::string name(request.param("name"));
  const bool ready = inference.model_ready(name, request.param("version"));
  if (!ready) {
    Response response = protocol_error({Code::invalid_argument, "Model version not ready"}, request);
    response.status = inference.config().not_ready_status;
    return response;
  }
  std::string text;
  json::Writer(text).begin_object().key("name").string(name).key("ready").boolean(true).end_object();
  return answer_json(std::move(text));
}

[[noreturn]] void refuse_repository(const Request& request) {
  fail(Code::unimplemented, "repository '{}' is not supported; leave it empty",
       request.param("repository").substr(0, 120));
}

class Table {
 public:
  explicit Table(Inference& inference) : inference_(inference) {}

  template <class Handler>
  void add(std::string method, std::string path, Permission permission, Run run, Handler handler) {
    Inference& inference = inference_;
    rows_.push_back({.method = std::move(method),
                     .path = std::move(path),
                     .permission = permission,
                     .handler = http::Handler(
                         [&inference, handler](Request& request) { return Response(handler(inference, request)); }),
                     .run = run,
                     .body = Body::whole,
                     .body_limit_bytes = size_t{1} << 20,
                     .on_error = &protocol_error});
  }

  // With and without a version segment.
  template <class Handler>
  void add_model(std::string method, const std::string& tail, Handler handler) {
    for (const char* head : {"/v2/models/{name}", "/v2/models/{name}/versions/{version}"}) {
      add(method, head + tail, Permission::read, Run::inline_, handler);
    }
  }

  void add_infer(size_t body_limit_bytes) {
    for (const char* head : {"/v2/models/{name}", "/v2/models/{name}/versions/{version}"}) {
      Inference& inference = inference_;
      rows_.push_back({.method = "POST",
                       .path = std::string(head) + "/infer",
                       .permission = Permission::read,
                       .handler = http::AsyncHandler([&inference](Request request, http::Responder responder) {
                         handle_infer(inference, std::move(request), responder);
                       }),
                       .run = Run::inline_,
                       .body = Body::whole,
                       .body_limit_bytes = body_limit_bytes,
                       .on_error = &protocol_error});
    }
  }

  std::vector<Route> take() { return std::move(rows_); }

 private:
  Inference& inference_;
  std::vector<Route> rows_;
};

void add_health(Table& table) {
  table.add("GET", "/v2/health/live", Permission::open, Run::inline_, [](const Inference& inference, const Request&) {
    Response response = answer_json(inference.live() ? R"({"live":true})" : R"({"live":false})");
    if (!inference.live()) response.status = 503;
    return response;
  });
  table.add("GET", "/v2/health/ready", Permission::open, Run::inline_, [](const Inference& inference, const Request&) {
    const bool ready = inference.ready();
    Response response = answer_json(readiness_json(inference.live(), ready));
    if (!ready) response.status = inference.live() ? inference.config().not_ready_status : 503;
    return response;
  });
}

void add_models(Table& table) {
  table.add("GET", "/v2", Permission::open, Run::inline_, [](const Inference& inference, const Request&) {
    return answer_json(server_metadata_json(inference.config()));
  });
  table.add("GET", "/v2/models", Permission::read, Run::inline_, [](const Inference& inference, const Request&) {
    std::string text;
    json::Writer out(text);
    out.begin_object().key("models").begin_array();
    std::string last;
    for (const serving::ModelStatus& status : inference.index(Inference::IndexFilter::ready)) {
      if (status.name != last) out.string(status.name);
      last = status.name;
    }
    out.end_array().end_object();
    return answer_json(std::move(text));
  });
  table.add("GET", "/v2/models/stats", Permission::read, Run::inline_, [](const Inference& inference, const Request&) {
    return answer_json(statistics_json(inference.statistics({}, {})));
  });
  table.add_model("GET", "", [](const Inference& inference, const Request& request) {
    return answer_json(model_metadata_json(inference.describe(request.param("name"), request.param("version"))));
  });
  table.add_model("GET", "/ready", &model_ready);
  table.add_model("GET", "/config", [](const Inference& inference, const Request& request) {
    return answer_json(model_config_json(inference.describe(request.param("name"), request.param("version"))));
  });
  table.add_model("GET", "/stats", [](const Inference& inference, const Request& request) {
    return answer_json(statistics_json(inference.statistics(request.param("name"), request.param("version"))));
  });
}

void add_repository(Table& table) {
  table.add("POST", "/v2/repository/index", Permission::read, Run::pool, &repository_index);
  table.add("POST", "/v2/repository/models/{name}/load", Permission::admin, Run::pool, &repository_load);
  table.add("POST", "/v2/repository/models/{name}/unload", Permission::admin, Run::pool, &repository_unload);
  const auto refuse = [](const Inference&, const Request& request) -> Response { refuse_repository(request); };
  table.add("POST", "/v2/repository/{repository}/index", Permission::read, Run::inline_, refuse);
  table.add("POST", "/v2/repository/{repository}/models/{name}/load", Permission::admin, Run::inline_, refuse);
  table.add("POST", "/v2/repository/{repository}/models/{name}/unload", Permission::admin, Run::inline_, refuse);
}

}  // namespace

Response protocol_error(const Error& error, const Request& request) {
  std::string text;
  json::Writer out(text);
  out.begin_object()
      .key("error")
      .string(error.message)
      .key("code")
      .string(code_name(error.code))
      .key("request_id")
      .string(request.request_id);
  if (!error.details.empty()) {
    out.key("details").begin_array();
    for (const Detail& detail : error.details) {
      out.begin_object().key("path").string(detail.path).key("message").string(detail.message).end_object();
    }
    out.end_array();
  }
  out.end_object();
  // Details come from an endpoint's contract alone: the request was understood, its content is refused.
  const bool contract = error.code == Code::invalid_argument && !error.details.empty();
  Response response = Response::text(contract ? 422 : protocol_status(error.code), std::move(text), "application/json");
  if (response.status == 429 || response.status == 503) response.headers.add("retry-after", "1");
  return response;
}

std::vector<Route> routes(Inference& inference, HttpLimits limits) {
  Table table(inference);
  add_health(table);
  add_models(table);
  table.add_infer(limits.body_bytes);
  add_repository(table);
  return table.take();
}

}  // namespace fettle::api::infer
