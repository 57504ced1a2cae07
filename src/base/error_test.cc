#include "base/error.h"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

namespace fettle {
namespace {

TEST(Code, EachHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int i = 0; i < kCodeCount; ++i) names.insert(code_name(static_cast<Code>(i)));
  EXPECT_EQ(names.size(), static_cast<size_t>(kCodeCount));
  EXPECT_EQ(code_name(Code::invalid_argument), "invalid_argument");
  EXPECT_EQ(code_name(Code::internal), "internal");
}

TEST(Outcome, CrossesIntoTheDataPlaneAndBack) {
  EXPECT_EQ(*outcome_of([] { return 3; }), 3);
  auto failed = outcome_of([]() -> int { fail(Code::not_found, "no model '{}'", "m"); });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "no model 'm'");
  EXPECT_THROW(value_or_throw(failed), Failure);
  EXPECT_TRUE(outcome_of([] {}));
}

TEST(Outcome, ForeignExceptionsBecomeInternal) {
  auto failed = outcome_of([] { throw std::runtime_error("broken"); });
  EXPECT_EQ(failed.error().code, Code::internal);
  failed = outcome_of([] { throw std::bad_alloc(); });
  EXPECT_EQ(failed.error().code, Code::resource_exhausted);
  failed = outcome_of([] { throw 7; });
  EXPECT_EQ(failed.error().code, Code::internal);
}

TEST(CheckDeathTest, AbortsWithTheExpression) { EXPECT_DEATH(FETTLE_CHECK(1 == 2, "sums"), "1 == 2: sums"); }

}  // namespace
}  // namespace fettle
