#include "metrics/exposition.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace fettle::metrics {
namespace {

void append_number(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else if (value == std::floor(value) && std::abs(value) < 1e15) {
    out += fmt::format("{:.0f}", value == 0 ? 0.0 : value);
  } else {
    out += fmt::format("{}", value);
  }
}

// OpenMetrics wants canonical floats ("1.0"); Prometheus' own client writes them as "1".
void append_bound(std::string& out, double bound, Format format) {
  size_t start = out.size();
  append_number(out, bound);
  bool integral = out.find_first_not_of("-0123456789", start) == std::string::npos;
  if (format == Format::openmetrics && integral) out += ".0";
}

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else if (c != '\r') {
      out += c;
    }
  }
}

// `{a="b",le="0.5"}`; `bound` may be null.
void append_labels(std::string& out, const Labels& labels, const double* bound, Format format) {
  if (labels.empty() && bound == nullptr) return;
  char before = '{';
  for (const auto& [name, value] : labels) {
    out += before;
    out += name;
    out += "=\"";
    append_escaped(out, value, true);
    out += '"';
    before = ',';
  }
  if (bound != nullptr) {
    out += before;
    out += "le=\"";
    append_bound(out, *bound, format);
    out += '"';
  }
  out += '}';
}

void append_line(std::string& out, std::string_view name, std::string_view suffix, const Labels& labels, double value,
                 Format format, const double* bound = nullptr) {
  out += name;
  out += suffix;
  append_labels(out, labels, bound, format);
  out += ' ';
  append_number(out, value);
  out += '\n';
}

double weight_of(std::string_view parameters) {
  for (std::string_view part : split(parameters, ';')) {
    part = trim(part);
    if (part.starts_with("q=")) return parse_double(part.substr(2)).value_or(0);
  }
  return 1;
}

}  // namespace

void append_family_head(std::string& out, std::string_view name, std::string_view help, std::string_view type,
                        Format format) {
  if (format == Format::openmetrics && type == "counter" && name.ends_with("_total")) name.remove_suffix(6);
  out += "# HELP ";
  out += name;
  out += ' ';
  // 0.0.4 escapes only backslash and line feed in HELP; OpenMetrics quotes too.
  append_escaped(out, help, format == Format::openmetrics);
  out += "\n# TYPE ";
  out += name;
  out += ' ';
  out += type;
  out += '\n';
}

void append_sample(std::string& out, std::string_view name, const Labels& labels, double value, Format format) {
  append_line(out, name, "", labels, value, format);
}

void append_histogram(std::string& out, std::string_view name, const Labels& labels,
                      const Histogram::Snapshot& snapshot, Format format) {
  uint64_t cumulative = 0;
  for (size_t i = 0; i < snapshot.counts.size(); ++i) {
    cumulative += snapshot.counts[i];
    double bound = i < snapshot.bounds.size() ? snapshot.bounds[i] : HUGE_VAL;
    append_line(out, name, "_bucket", labels, static_cast<double>(cumulative), format, &bound);
  }
  append_line(out, name, "_sum", labels, snapshot.sum, format);
  append_line(out, name, "_count", labels, static_cast<double>(cumulative), format);
}

Format negotiate(std::string_view accept) {
  double openmetrics = 0;
  double plain = 0;
  for (std::string_view range : split(accept, ',')) {
    range = trim(range);
    std::string_view type = trim(range.substr(0, range.find(';')));
    std::string_view parameters = range.substr(std::min(range.size(), type.size()));
    bool version_known = parameters.find("version=") == std::string_view::npos ||
                         parameters.find("version=1.0.0") != std::string_view::npos;
    if (type == "application/openmetrics-text" && version_known)
      openmetrics = std::max(openmetrics, weight_of(parameters));
    if (type == "text/plain") plain = std::max(plain, weight_of(parameters));
  }
  return openmetrics > 0 && openmetrics >= plain ? Format::openmetrics : Format::prometheus;
}

std::string_view content_type(Format format) {
  return format == Format::openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                       : "text/plain; version=0.0.4; charset=utf-8";
}

}  // namespace fettle::metrics
