// SPDX-License-Identifier: Apache-2.0
// The inputs that the fuzzer has found worth keeping, and what its mutator makes of them, without the fuzzer:
// values or typed errors, and nothing that the bytes do not hold (read_untrusted() aborts).
#include "io/checkpoint_mutator.hpp"
#include "io/read_untrusted.hpp"
#include "support/random.hpp"

#include <boost/test/unit_test.hpp>

#include <cstring>
#include <set>
#include <string>
#include <zlib.h>

using namespace varscope::testing;

namespace {

using Input = std::vector<std::byte>;

std::vector<Input> read_corpus() {
  const gzFile file = gzopen(VARSCOPE_CORPUS, "rb");
  BOOST_REQUIRE_MESSAGE(file != nullptr, "cannot open " VARSCOPE_CORPUS);
  std::vector<Input> corpus;
  std::uint32_t size = 0;
  while (gzread(file, &size, sizeof size) == static_cast<int>(sizeof size)) {
    Input input(size);
    BOOST_REQUIRE(gzread(file, input.data(), size) == static_cast<int>(size));
    corpus.push_back(std::move(input));
  }
  gzclose(file);
  return corpus;
}

Random* mutation_random = nullptr;

/// As libFuzzer's, but plain: replaces, inserts or removes a few bytes.
std::size_t mutate_bytes(std::uint8_t* data, std::size_t size, std::size_t max_size) {
  Random& random = *mutation_random;
  if (size == 0) return 0;
  const auto at = random.integer<std::size_t>(0, size - 1);
  const auto count = random.integer<std::size_t>(1, std::min<std::size_t>(8, size - at));
  switch (random.integer(0, 2)) {
    case 0:
      for (std::size_t k = 0; k < count; ++k)
        data[at + k] = static_cast<std::uint8_t>(random.integer(0, 255));
      return size;
    case 1:
      std::memmove(data + at, data + at + count, size - at - count);
      return size - count;
    default:
      if (size + count > max_size) return size;
      std::memmove(data + at + count, data + at, size - at);
      return size + count;
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_corpus_is_survived) {
  const std::vector<Input> corpus = read_corpus();
  BOOST_TEST(corpus.size() > 300u);
  std::size_t right = 0;
  for (const Input& input : corpus) right += read_untrusted(input) ? 1 : 0;
  BOOST_TEST(right > 5u);  // what the writer writes, among others
  BOOST_TEST(right < corpus.size() / 2);
}

BOOST_AUTO_TEST_CASE(mutations_of_the_corpus_are_survived) {
  constexpr std::size_t kRoom = 3072;
  const std::vector<Input> corpus = read_corpus();
  Random random;
  mutation_random = &random;
  std::size_t right = 0;
  for (int round = 0; round < 20000; ++round) {
    const Input& from = random.pick(corpus);
    Input input(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(std::min(from.size(), kRoom)));
    std::size_t size = input.size();
    input.resize(kRoom);
    size = mutate_checkpoint(input, size, random.integer<std::uint32_t>(0, ~0u), mutate_bytes);
    right += read_untrusted(std::span(input).first(size)) ? 1 : 0;
  }
  BOOST_TEST(right > 20u);  // the mutator makes checksums right again
  mutation_random = nullptr;
}
