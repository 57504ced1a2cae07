// The web UI's files, embedded at build time.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "http/router.h"

namespace fettle::app {

struct Asset {
  std::string_view path;  // below /ui/
  std::string_view content;
};
std::span<const Asset> assets();

// `/`, `/ui/` and below: files, and the shell for every page of the UI (its routes are the browser's).
std::vector<http::Route> ui_routes();

}  // namespace fettle::app
