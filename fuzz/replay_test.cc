// Each target over its corpus and over damaged copies of it: what a fuzzer found stays found, also where there is no
// libFuzzer.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "base/file.h"
#include "target.h"

namespace fettle::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr int kDamagedCopies = 150;

std::vector<std::string> corpus_of(std::string_view target) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(fs::path(FETTLE_SOURCE_DIR) / "fuzz" / "corpus" / target))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> texts;
  for (const auto& file : files) texts.push_back(read_file(file));
  return texts;
}

// Some bytes changed, a part doubled, cut out or moved: the damage that parsers meet.
std::string damaged(const std::string& text, std::mt19937& chance) {
  std::string out = text;
  auto below = [&](size_t n) { return n == 0 ? 0 : chance() % n; };
  for (size_t i = below(4) + 1; i > 0; --i) {
    size_t at = below(out.size() + 1), length = below(std::min<size_t>(out.size() - at, 16) + 1);
    switch (below(4)) {
      case 0: out.insert(at, 1, static_cast<char>(chance())); break;
      case 1: out.erase(at, length); break;
      case 2: out.insert(at, out.substr(at, length)); break;
      default:
        if (at < out.size())
          out[at] = static_cast<char>(chance() % 3 == 0 ? chance()
                                                        : static_cast<unsigned>("\0\"'{}[]:,.-\n\r %0\xff"[below(18)]));
    }
  }
  return out;
}

// The input stays in a file while it runs: an abort leaves it there.
void run(const Target& target, const std::string& bytes) {
  fs::path kept = fs::temp_directory_path() / fmt::format("fettle-fuzz-{}", target.name);
  write_file_atomic(kept, bytes);
  target.run(bytes);
  fs::remove(kept);
}

class Fuzz : public ::testing::TestWithParam<Target> {};

TEST_P(Fuzz, HoldsOverItsCorpusAndDamagedCopies) {
  auto corpus = corpus_of(GetParam().name);
  EXPECT_GE(corpus.size(), 3u);
  std::mt19937 chance(7);
  run(GetParam(), "");
  for (const auto& text : corpus) {
    run(GetParam(), text);
    for (int i = 0; i < kDamagedCopies; ++i) run(GetParam(), damaged(text, chance));
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, Fuzz, ::testing::ValuesIn(kTargets),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace fettle::fuzz
