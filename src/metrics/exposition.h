// The text of metric families: Prometheus 0.0.4 and OpenMetrics 1.0, and which of them a scraper asked for. Pure.
#pragma once

#include <string>
#include <string_view>

#include "metrics/registry.h"

namespace fettle::metrics {

// HELP and TYPE. OpenMetrics names a counter's family without `_total`.
void append_family_head(std::string& out, std::string_view name, std::string_view help, std::string_view type,
                        Format format);
void append_sample(std::string& out, std::string_view name, const Labels& labels, double value, Format format);
// Cumulative `_bucket` lines with `le`, then `_sum` and `_count`.
void append_histogram(std::string& out, std::string_view name, const Labels& labels,
                      const Histogram::Snapshot& snapshot, Format format);

// OpenMetrics when an Accept header lists `application/openmetrics-text` in version 1.0.0 (or none) with a non-zero
// weight that text/plain does not exceed; else Prometheus 0.0.4.
Format negotiate(std::string_view accept);
std::string_view content_type(Format format);

}  // namespace fettle::metrics
