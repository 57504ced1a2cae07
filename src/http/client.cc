#include "http/client.h"

#include <curl/curl.h>

#include <mutex>

#include "base/text.h"
#include "base/uri.h"

namespace fettle::http {
namespace {

constexpr size_t kIdleHandles = 32;  // each keeps its own connections

struct CurlFree {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, CurlFree>;

struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// What the callbacks of one exchange see.
struct Exchange {
  const ClientRequest& request;
  ClientResponse response;
  CURL* handle = nullptr;
  bool too_large = false;
  bool stopped = false;
  std::exception_ptr thrown;
};

// A new status line starts a new head: interim answers and redirects are forgotten.
size_t on_header(char* data, size_t size, size_t count, void* user) {
  auto& headers = static_cast<Exchange*>(user)->response.headers;
  std::string_view line(data, size * count);
  if (line.starts_with("HTTP/")) headers.clear();
  size_t colon = line.find(':');
  if (colon != std::string_view::npos && !line.starts_with("HTTP/")) {
    headers.emplace_back(to_lower(line.substr(0, colon)), trim(line.substr(colon + 1)));
  }
  return size * count;
}

size_t on_data(char* data, size_t size, size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  std::string_view piece(data, size * count);
  long status = 0;
  curl_easy_getinfo(exchange.handle, CURLINFO_RESPONSE_CODE, &status);
  if (exchange.request.on_body && status / 100 == 2) {
    // An exception must not pass through libcurl's frames.
    try {
      exchange.stopped = !exchange.request.on_body(piece);
    } catch (...) {
      exchange.thrown = std::current_exception();
      exchange.stopped = true;
    }
    return exchange.stopped ? 0 : piece.size();
  }
  if (exchange.response.body.size() + piece.size() > exchange.request.response_limit_bytes) {
    exchange.too_large = true;
    return 0;
  }
  exchange.response.body += piece;
  return piece.size();
}

// A proxy that the environment names is not for this machine.
bool is_loopback(const std::string& url) {
  auto uri = parse_uri(url);
  return uri && (uri->host == "localhost" || uri->host == "::1" || uri->host.starts_with("127."));
}

void set_options(CURL* handle, Exchange& exchange, curl_slist* headers) {
  const ClientRequest& request = exchange.request;
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout_ms));
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout_ms));
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, request.follow_redirects ? 1L : 0L);
  curl_easy_setopt(handle, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(handle, CURLOPT_TCP_NODELAY, 1L);
  if (is_loopback(request.url)) curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &on_data);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &exchange);
  bool sends =
      !request.body.empty() || request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (request.method == "HEAD") {
    curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
  } else if (sends) {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
  }
  if (request.method != "HEAD") curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

std::unique_ptr<curl_slist, ListFree> header_list(const ClientRequest& request) {
  // Without these libcurl would add a form's content type and wait a second for a 100 Continue.
  curl_slist* list = curl_slist_append(nullptr, "Expect:");
  bool typed = false;
  for (const auto& [name, value] : request.headers) {
    typed = typed || iequals(name, "content-type");
    list = curl_slist_append(list, (value.empty() ? name + ";" : name + ": " + value).c_str());
  }
  if (!typed) list = curl_slist_append(list, "Content-Type:");
  return std::unique_ptr<curl_slist, ListFree>(list);
}

std::unexpected<Error> error_of(CURLcode code, const Exchange& exchange) {
  const std::string& url = exchange.request.url;
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return unexpected(Code::deadline_exceeded, "'{}' did not answer within {} ms", url, exchange.request.timeout_ms);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: return unexpected(Code::invalid_argument, "'{}' is not an http or https URL", url);
    default: return unexpected(Code::unavailable, "cannot reach '{}': {}", url, curl_easy_strerror(code));
  }
}

}  // namespace

struct Client::Impl {
  std::mutex mutex;
  std::vector<Handle> idle;

  Handle take() {
    std::lock_guard lock(mutex);
    if (idle.empty()) return Handle(curl_easy_init());
    Handle handle = std::move(idle.back());
    idle.pop_back();
    return handle;
  }
  void give(Handle handle) {
    curl_easy_reset(handle.get());
    std::lock_guard lock(mutex);
    if (idle.size() < kIdleHandles) idle.push_back(std::move(handle));
  }
};

Client::Client() : impl_(std::make_unique<Impl>()) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}
Client::~Client() = default;

Outcome<ClientResponse> Client::send(const ClientRequest& request) {
  for (const auto& [name, value] : request.headers) {
    if ((name + value).find_first_of("\r\n") != std::string::npos) {
      return unexpected(Code::invalid_argument, "header '{}' holds a line break", name);
    }
  }
  Handle handle = impl_->take();
  if (!handle) return unexpected(Code::resource_exhausted, "libcurl has no memory for a request to '{}'", request.url);
  Exchange exchange{.request = request, .handle = handle.get()};
  auto headers = header_list(request);
  set_options(handle.get(), exchange, headers.get());
  CURLcode code = curl_easy_perform(handle.get());
  long status = 0;
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  exchange.response.status = static_cast<int>(status);
  impl_->give(std::move(handle));
  if (exchange.thrown) std::rethrow_exception(exchange.thrown);
  if (exchange.too_large) {
    return unexpected(Code::resource_exhausted, "the answer of '{}' is larger than {} bytes", request.url,
                      request.response_limit_bytes);
  }
  if (code != CURLE_OK && !exchange.stopped) return error_of(code, exchange);
  return std::move(exchange.response);
}

}  // namespace fettle::http
