#include "api/mlflow/filter.h"

#include "target.h"

namespace fettle::fuzz {

// Whatever parses names a key and has a literal of its own kind.
void search_filter(std::string_view bytes) {
  using api::mlflow::Literal;
  std::vector<api::mlflow::Comparison> comparisons;
  if (accepts([&] { comparisons = api::mlflow::parse_filter(bytes); })) {
    for (const auto& comparison : comparisons) {
      FETTLE_CHECK(!comparison.entity.empty() || !comparison.key.empty(), "a comparison of nothing");
      FETTLE_CHECK(!comparison.symbol.empty(), "a comparison without its comparator");
      FETTLE_CHECK((comparison.literal.kind == Literal::Kind::list) || comparison.literal.items.empty(),
                   "items without a list");
      accepts([&] { api::mlflow::number_operand(comparison, "x"); });
      accepts([&] { api::mlflow::integer_operand(comparison, "x"); });
      accepts([&] { api::mlflow::text_operand(comparison, "x"); });
    }
  }
  accepts([&] { api::mlflow::parse_order(bytes); });
}

}  // namespace fettle::fuzz
