#include "validation/report.h"

#include "base/time_text.h"

namespace fettle::validation {
namespace {

std::string number_cell(const std::optional<double>& value) { return value ? fmt::format("{:.4g}", *value) : "–"; }

std::string escape_markdown(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '|' || c == '\\' || c == '<') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string escape_xml(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? ' ' : c;
    }
  }
  return out;
}

std::string_view sign(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass: return "✓ pass";
    case Verdict::fail: return "✗ fail";
    case Verdict::inconclusive: return "? inconclusive";
    case Verdict::not_run: break;
  }
  return "– not run";
}

}  // namespace

std::string format_markdown(const Report& report) {
  std::string champion = report.champion_version.empty() ? "nobody" : report.model + "/" + report.champion_version;
  std::string out = fmt::format("# Gate {}: {}\n\n{}\n\n", escape_markdown(report.gate), sign(report.verdict),
                                escape_markdown(report.reason));
  out += fmt::format("Candidate `{}/{}` against `{}` on {} rows (`{}`, `{}`), {}.\n\n", report.model,
                     report.candidate_version, champion, report.data_rows, report.data_source, report.data_hash,
                     format_utc(report.started_at_ms));
  out +=
      "| check | verdict | candidate | champion | difference | interval | bound | what "
      "|\n|---|---|---|---|---|---|---|---|\n";
  for (const auto& check : report.checks) {
    std::string interval = check.low && check.high ? fmt::format("[{:.4g}, {:.4g}]", *check.low, *check.high) : "–";
    out += fmt::format("| {}.{}{} | {} | {} | {} | {} | {} | {} | {} |\n", check.group, check.name,
                       check.slice.empty() ? "" : "/" + escape_markdown(check.slice), sign(check.verdict),
                       number_cell(check.value), number_cell(check.champion), number_cell(check.difference), interval,
                       number_cell(check.threshold), escape_markdown(check.message));
  }
  return out;
}

std::string format_junit(const Report& report) {
  size_t failures = 0, skipped = 0;
  for (const auto& check : report.checks) {
    failures += check.verdict == Verdict::fail || check.verdict == Verdict::inconclusive;
    skipped += check.verdict == Verdict::not_run;
  }
  double seconds = static_cast<double>(report.took_ms) / 1000;
  std::string out = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"gate {}\" tests=\"{}\" "
      "failures=\"{}\" skipped=\"{}\" time=\"{:.3f}\" "
      "timestamp=\"{}\">\n",
      escape_xml(report.gate), report.checks.size(), failures, skipped, seconds, format_utc(report.started_at_ms));
  for (const auto& check : report.checks) {
    out += fmt::format("    <testcase classname=\"{}\" name=\"{}{}\">", escape_xml(check.group), escape_xml(check.name),
                       check.slice.empty() ? "" : escape_xml("[" + check.slice + "]"));
    if (check.verdict == Verdict::not_run) {
      out += fmt::format("<skipped message=\"{}\"/>", escape_xml(check.message));
    } else if (check.verdict != Verdict::pass) {
      out +=
          fmt::format("<failure type=\"{}\" message=\"{}\"/>", verdict_name(check.verdict), escape_xml(check.message));
    }
    out += "</testcase>\n";
  }
  return out + "  </testsuite>\n</testsuites>\n";
}

int exit_code_of(Verdict verdict) { return verdict == Verdict::pass ? 0 : verdict == Verdict::fail ? 2 : 3; }

}  // namespace fettle::validation
