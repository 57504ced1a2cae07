#include "api/mlflow/file_answer.h"

#include <ctime>

#include "base/text.h"
#include "base/uri.h"

namespace fettle::api::mlflow {
namespace {

constexpr std::string_view kPlain = "text/plain; charset=utf-8";
constexpr std::pair<std::string_view, std::string_view> kTypes[] = {{"txt", kPlain},
                                                                    {"log", kPlain},
                                                                    {"md", kPlain},
                                                                    {"rst", kPlain},
                                                                    {"py", kPlain},
                                                                    {"js", kPlain},
                                                                    {"sh", kPlain},
                                                                    {"yaml", kPlain},
                                                                    {"yml", kPlain},
                                                                    {"json", kPlain},
                                                                    {"csv", kPlain},
                                                                    {"tsv", kPlain},
                                                                    {"mlmodel", kPlain},
                                                                    {"toml", kPlain},
                                                                    {"ini", kPlain},
                                                                    {"cfg", kPlain},
                                                                    {"html", "text/html; charset=utf-8"},
                                                                    {"png", "image/png"},
                                                                    {"jpg", "image/jpeg"},
                                                                    {"jpeg", "image/jpeg"},
                                                                    {"gif", "image/gif"},
                                                                    {"svg", "image/svg+xml"},
                                                                    {"pdf", "application/pdf"},
                                                                    {"zip", "application/zip"},
                                                                    {"gz", "application/gzip"}};

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::string http_date(int64_t ms) {
  std::time_t seconds = ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text;
}

}  // namespace

std::string content_type_of(std::string_view path) {
  std::string_view name = base_name(path);
  if (name == "MLmodel" || name == "Dockerfile") return std::string(kPlain);
  std::string extension = to_lower(name.substr(name.rfind('.') + 1));
  for (auto [known, type] : kTypes) {
    if (known == extension && name.find('.') != std::string_view::npos) return std::string(type);
  }
  return "application/octet-stream";
}

std::string content_disposition(std::string_view name) {
  std::string ascii;
  bool plain = true;
  for (char c : name) {
    auto byte = static_cast<unsigned char>(c);
    bool keep = byte >= 0x20 && byte < 0x7F && c != '"' && c != '\\';
    plain = plain && keep;
    if (keep) {
      ascii += c;
    } else if ((byte & 0xC0) != 0x80) {
      ascii += '_';
    }
  }
  std::string header = fmt::format("attachment; filename=\"{}\"", ascii);
  if (!plain) header += "; filename*=UTF-8''" + percent_encode(name);
  return header;
}

RangeKind parse_range(std::string_view header, uint64_t size, ByteRange& range) {
  range = {0, size};
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit) || header.find(',') != std::string_view::npos) return RangeKind::whole;
  header.remove_prefix(kUnit.size());
  size_t dash = header.find('-');
  if (dash == std::string_view::npos) return RangeKind::whole;
  auto first = parse_int(trim(header.substr(0, dash)));
  auto last = parse_int(trim(header.substr(dash + 1)));
  if (!first && trim(header.substr(0, dash)).empty() && last && *last >= 0) {
    uint64_t count = std::min(static_cast<uint64_t>(*last), size);
    if (count == 0) return RangeKind::unsatisfiable;
    range = {size - count, count};
    return RangeKind::part;
  }
  if (!first || *first < 0 || (!last && !trim(header.substr(dash + 1)).empty())) return RangeKind::whole;
  if (last && *last < *first) return RangeKind::whole;
  auto begin = static_cast<uint64_t>(*first);
  if (begin >= size) return RangeKind::unsatisfiable;
  uint64_t end = last ? std::min(static_cast<uint64_t>(*last), size - 1) : size - 1;
  range = {begin, end - begin + 1};
  return RangeKind::part;
}

http::Response file_answer(const tracking::Artifacts& artifacts, const tracking::ArtifactInfo& info,
                           const http::Request& request) {
  http::Response answer;
  answer.headers.set("Content-Type", content_type_of(info.path));
  answer.headers.set("Content-Disposition", content_disposition(base_name(info.path)));
  answer.headers.set("X-Content-Type-Options", "nosniff");
  answer.headers.set("Accept-Ranges", "bytes");
  answer.headers.set("ETag", "\"" + info.sha256 + "\"");
  answer.headers.set("Last-Modified", http_date(info.created_ms));
  ByteRange range;
  RangeKind kind = parse_range(request.headers.get("Range"), info.size_bytes, range);
  std::string_view condition = request.headers.get("If-Range");
  if (!condition.empty() && condition != answer.headers.get("ETag")) {
    kind = RangeKind::whole;
    range = {0, info.size_bytes};
  }
  if (kind == RangeKind::unsatisfiable) {
    answer.status = 416;
    answer.headers.set("Content-Range", fmt::format("bytes */{}", info.size_bytes));
    return answer;
  }
  if (kind == RangeKind::part) {
    answer.status = 206;
    answer.headers.set("Content-Range",
                       fmt::format("bytes {}-{}/{}", range.first, range.first + range.count - 1, info.size_bytes));
  }
  if (range.count == 0) return answer;
  std::shared_ptr<blob::Reader> reader = artifacts.open(info, range.first, range.count);
  answer.source = [reader] { return reader->read(); };
  answer.content_length = range.count;
  return answer;
}

}  // namespace fettle::api::mlflow
