#include "http/context.h"

namespace fettle::http {
namespace {

constexpr std::string_view kRequests = "fettle_http_requests_total";
constexpr std::string_view kRequestsHelp = "Answered requests by route and status.";
constexpr std::string_view kDuration = "fettle_http_request_duration_seconds";
constexpr std::string_view kDurationHelp = "From the end of a request's head to the start of its answer.";

// Labels are bounded: what clients invent is "other".
std::string_view known_method(std::string_view method) {
  for (std::string_view known : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
    if (method == known) return known;
  }
  return "other";
}

}  // namespace

ServerMetrics::ServerMetrics(metrics::Registry& registry, const Router& router)
    : in_flight(registry.gauge("fettle_http_requests_in_flight", "Requests that are being answered.")),
      connections(registry.gauge("fettle_network_connections", "Open connections.", {{"listener", "http"}})),
      accepted(registry.counter("fettle_network_connections_accepted_total", "Accepted connections.",
                                {{"listener", "http"}})),
      refused(registry.counter("fettle_network_connections_refused_total", "Connections beyond the limit.",
                               {{"listener", "http"}})),
      peer_errors(registry.counter("fettle_network_peer_errors_total",
                                   "Connections that the client broke or let time out.", {{"listener", "http"}})),
      received_bytes(
          registry.counter("fettle_network_received_bytes_total", "Bytes from clients.", {{"listener", "http"}})),
      sent_bytes(registry.counter("fettle_network_sent_bytes_total", "Bytes to clients.", {{"listener", "http"}})),
      shed(registry.counter("fettle_http_requests_shed_total", "Requests refused because the worker pool was full.")),
      registry_(registry) {
  static_assert(kStatuses > 50);
  FETTLE_CHECK(known_statuses().size() < kStatuses, "the status table outgrew the counters");
  routes_[nullptr] = std::make_unique<PerRoute>();
  for (const auto& route : router.routes()) routes_[route.get()] = std::make_unique<PerRoute>();
}

void ServerMetrics::finished(const Route* route, std::string_view method, int status, double seconds) {
  PerRoute& series = *routes_.at(route);
  size_t index = status_index(status);
  auto* counter = route != nullptr ? series.by_status[index].load(std::memory_order_acquire) : nullptr;
  auto* duration = series.duration.load(std::memory_order_acquire);
  if (counter == nullptr || duration == nullptr) {
    std::string own_method(route != nullptr ? std::string_view(route->method) : known_method(method));
    std::string path = route != nullptr ? route->path : "unmatched";
    std::string status_label = index < known_statuses().size() ? std::to_string(status) : "other";
    counter = &registry_.counter(kRequests, kRequestsHelp,
                                 {{"method", own_method}, {"route", path}, {"status", status_label}});
    duration = &registry_.histogram(kDuration, kDurationHelp, metrics::latency_bounds(),
                                    {{"method", route != nullptr ? own_method : "any"}, {"route", path}});
    series.by_status[index].store(counter, std::memory_order_release);
    series.duration.store(duration, std::memory_order_release);
  }
  counter->add();
  duration->observe(seconds);
}

}  // namespace fettle::http
