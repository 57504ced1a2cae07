#include "api/mlflow/filter.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text.h"

namespace fettle::api::mlflow {
namespace {

constexpr size_t kFilterLimit = 100'000;  // bytes
constexpr size_t kComparisonLimit = 200;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_symbol(char c) { return c == '=' || c == '!' || c == '<' || c == '>'; }
bool is_quote(char c) { return c == '\'' || c == '"' || c == '`'; }

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool at_end() {
    skip_space();
    return at_ == text_.size();
  }
  char peek() { return at_end() ? '\0' : text_[at_]; }
  std::string_view rest() { return text_.substr(at_); }

  // A name: bare characters and quoted stretches; the first dot outside quotes splits it.
  void read_name(std::string& entity, std::string& key) {
    skip_space();
    std::string current;
    bool split_done = false;
    while (at_ < text_.size() && !is_space(text_[at_]) && !is_symbol(text_[at_]) && text_[at_] != '(' &&
           text_[at_] != ')') {
      char c = text_[at_];
      if (c == '\'') fail_clause();
      if (is_quote(c)) {
        current += read_quoted();
      } else if (c == '.' && !split_done) {
        entity = to_lower(current);
        current.clear();
        split_done = true;
        ++at_;
      } else {
        current += c;
        ++at_;
      }
    }
    key = std::move(current);
    if (key.empty()) fail_clause();
  }

  std::string read_word() {
    skip_space();
    size_t start = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_'))
      ++at_;
    return std::string(text_.substr(start, at_ - start));
  }

  // Consumes the word if it is next, in any case.
  bool accept(std::string_view word) {
    size_t before = at_;
    if (iequals(read_word(), word)) return true;
    at_ = before;
    return false;
  }

  std::string read_symbol() {
    skip_space();
    size_t start = at_;
    while (at_ < text_.size() && is_symbol(text_[at_])) ++at_;
    return std::string(text_.substr(start, at_ - start));
  }

  std::string read_quoted() {
    char quote = text_[at_];
    size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail_clause();
    std::string inside(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return inside;
  }

  Literal read_literal() {
    if (at_end()) fail_clause();
    if (text_[at_] == '(') return read_list();
    if (text_[at_] == '\'' || text_[at_] == '"') return {Literal::Kind::text, read_quoted(), {}};
    size_t start = at_;
    while (at_ < text_.size() && !is_space(text_[at_]) && text_[at_] != ')' && text_[at_] != '(') ++at_;
    std::string token(text_.substr(start, at_ - start));
    bool signless = token.empty() || token[0] != '+';
    bool numeric = signless && token.find_first_of("0123456789") != std::string::npos &&
                   token.find_first_not_of("0123456789.eE+-") == std::string::npos && parse_double(token).has_value();
    return {numeric ? Literal::Kind::number : Literal::Kind::word, token, {}};
  }

  [[noreturn]] void fail_clause() {
    skip_space();
    std::string_view shown = rest().substr(0, 60);
    fail(Code::invalid_argument, "Invalid clause(s) in filter string: '{}'",
         shown.empty() ? text_.substr(0, 60) : shown);
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  Literal read_list() {
    ++at_;
    Literal list{Literal::Kind::list, "", {}};
    while (true) {
      char c = peek();
      if (c != '\'' && c != '"') {
        fail(Code::invalid_argument,
             "While parsing a list in the query, expected string value, punctuation, or whitespace, but got different "
             "type in list: '{}'",
             rest().substr(0, 60));
      }
      list.items.push_back(read_quoted());
      c = peek();
      ++at_;
      if (c == ')') return list;
      if (c != ',') {
        at_ = std::min(at_, text_.size());
        fail(Code::invalid_argument, "Invalid list in filter string: expected ',' or ')' after '{}'",
             list.items.back());
      }
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

void set_compare(Comparison& comparison, Compare compare, std::string symbol) {
  comparison.compare = compare;
  comparison.symbol = std::move(symbol);
}

// Reads the comparator; false when a literal must follow no more.
bool read_comparator(Scanner& in, Comparison& comparison) {
  static constexpr std::array<std::pair<std::string_view, Compare>, 6> kSymbols = {{{"=", Compare::eq},
                                                                                    {"!=", Compare::ne},
                                                                                    {"<", Compare::lt},
                                                                                    {"<=", Compare::le},
                                                                                    {">", Compare::gt},
                                                                                    {">=", Compare::ge}}};
  if (is_symbol(in.peek())) {
    std::string symbol = in.read_symbol();
    for (auto [text, compare] : kSymbols) {
      if (symbol != text) continue;
      set_compare(comparison, compare, symbol);
      return true;
    }
    fail(Code::invalid_argument,
         "Invalid comparator '{}' not one of '=, !=, <, <=, >, >=, LIKE, ILIKE, IN, NOT IN, IS NULL, IS NOT NULL'",
         symbol);
  }
  std::string word = in.read_word();
  if (iequals(word, "like")) {
    set_compare(comparison, Compare::like, "LIKE");
  } else if (iequals(word, "ilike")) {
    set_compare(comparison, Compare::ilike, "ILIKE");
  } else if (iequals(word, "in")) {
    set_compare(comparison, Compare::in, "IN");
  } else if (iequals(word, "not") && in.accept("in")) {
    set_compare(comparison, Compare::not_in, "NOT IN");
  } else if (iequals(word, "is")) {
    bool negated = in.accept("not");
    if (!in.accept("null")) in.fail_clause();
    set_compare(comparison, negated ? Compare::is_not_null : Compare::is_null, negated ? "IS NOT NULL" : "IS NULL");
    return false;
  } else {
    fail(Code::invalid_argument, "Invalid clause(s) in filter string: '{}'",
         word.empty() ? std::string(in.rest().substr(0, 60)) : word);
  }
  return true;
}

}  // namespace

std::vector<Comparison> parse_filter(std::string_view filter) {
  if (filter.empty()) return {};
  if (filter.size() > kFilterLimit) fail(Code::invalid_argument, "filter string is longer than {} bytes", kFilterLimit);
  Scanner in(filter);
  if (in.at_end()) fail(Code::invalid_argument, "Invalid filter '{}'. Could not be parsed.", filter);
  std::vector<Comparison> comparisons;
  while (true) {
    Comparison comparison;
    in.read_name(comparison.entity, comparison.key);
    if (read_comparator(in, comparison)) comparison.literal = in.read_literal();
    comparisons.push_back(std::move(comparison));
    if (comparisons.size() > kComparisonLimit) {
      fail(Code::invalid_argument, "filter string has more than {} comparisons", kComparisonLimit);
    }
    if (in.at_end()) return comparisons;
    if (!in.accept("and") || in.at_end()) {
      std::string word = in.read_word();
      if (word.empty()) in.fail_clause();
      fail(Code::invalid_argument, "Invalid clause(s) in filter string: '{}'", word);
    }
  }
}

OrderTerm parse_order(std::string_view clause) {
  Scanner in(clause);
  if (in.at_end()) fail(Code::invalid_argument, "Invalid order_by clause '{}'. Could not be parsed.", clause);
  OrderTerm term;
  in.read_name(term.entity, term.key);
  if (in.accept("desc")) {
    term.descending = true;
  } else {
    in.accept("asc");
  }
  if (!in.at_end()) fail(Code::invalid_argument, "Invalid ordering key in order_by clause '{}'.", clause);
  return term;
}

void check_comparator(const Comparison& comparison, Comparators allowed) {
  std::string_view list;
  switch (allowed) {
    case Comparators::numeric: list = ">, >=, !=, =, <, <="; break;
    case Comparators::equality: list = "=, !="; break;
    case Comparators::text: list = "=, !=, LIKE, ILIKE"; break;
    case Comparators::text_and_list: list = "=, !=, LIKE, ILIKE, IN, NOT IN"; break;
    case Comparators::text_and_null: list = "=, !=, LIKE, ILIKE, IS NULL, IS NOT NULL"; break;
  }
  for (auto known : split(list, ',')) {
    if (trim(known) == comparison.symbol) return;
  }
  fail(Code::invalid_argument, "Invalid comparator '{}' not one of '{}'", comparison.symbol, list);
}

Operand number_operand(const Comparison& comparison, std::string_view what) {
  if (comparison.literal.kind != Literal::Kind::number) {
    fail(
        Code::invalid_argument, "Expected numeric value type for {}. Found {}", what,
        comparison.literal.kind == Literal::Kind::text ? "'" + comparison.literal.text + "'" : comparison.literal.text);
  }
  return *parse_double(comparison.literal.text);
}

Operand integer_operand(const Comparison& comparison, std::string_view what) {
  auto number = parse_int(comparison.literal.text);
  if (comparison.literal.kind == Literal::Kind::list || !number) {
    fail(Code::invalid_argument, "Expected numeric value type for {}. Found {}", what, comparison.literal.text);
  }
  return *number;
}

Operand text_operand(const Comparison& comparison, std::string_view what) {
  bool wants_list = comparison.compare == Compare::in || comparison.compare == Compare::not_in;
  if (comparison.literal.kind == Literal::Kind::none) return std::monostate{};
  if (wants_list && comparison.literal.kind == Literal::Kind::list) return comparison.literal.items;
  if (!wants_list && comparison.literal.kind == Literal::Kind::text) return comparison.literal.text;
  fail(Code::invalid_argument, "Expected a quoted string value for {} (e.g. 'my-value'). Got value {}", what,
       comparison.literal.kind == Literal::Kind::list ? "a list" : comparison.literal.text);
}

}  // namespace fettle::api::mlflow
