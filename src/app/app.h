// The whole server, constructed in layer order and stopped in reverse. Adapters between domain modules are in wire_*.h.
#pragma once

#include <memory>

#include "app/config.h"

namespace fettle::app {

class App {
 public:
  // Opens or creates the data directory and migrates the database. Throws when it cannot.
  explicit App(const Config& config);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  // Binds, loads what endpoints need, and accepts requests.
  void start();
  int http_port() const;
  int grpc_port() const;
  // Every route as "METHOD\tPATH\tPERMISSION" lines; instead of start().
  std::string route_table();
  // Not ready at once, work in flight finishes. True when all of it did within the drain timeout.
  bool stop();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace fettle::app
