#include "app/housekeeping.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "schema/schema.h"

namespace fettle::app {
namespace {

TEST(Housekeeping, CollectsWhatNothingRefersToAfterItsGrace) {
  TemporaryDirectory directory;
  auto store = blob::open_local(directory.path());
  auto database = sql::Database::open("sqlite://:memory:");
  sql::migrate(*database, schema::migrations());
  SystemClock system;
  ManualClock clock(system.now_ms());
  metrics::Registry registry;
  tracking::Tracking tracking(*database, *store, clock);
  tracking.artifacts.put("0/run/artifacts/kept.txt", "kept");
  tracking.artifacts.put("0/run/artifacts/removed.txt", "removed");
  auto kept = tracking.artifacts.get("0/run/artifacts/kept.txt").sha256;
  tracking.artifacts.remove("0/run/artifacts/removed.txt");

  Housekeeping housekeeping(*store, tracking.artifacts, clock, registry, {.grace_ms = 60'000});
  EXPECT_EQ(housekeeping.collect().removed, 0u);
  clock.advance_ms(120'000);
  EXPECT_EQ(housekeeping.collect().removed, 1u);
  EXPECT_EQ(store->get(kept), "kept");
}

}  // namespace
}  // namespace fettle::app
