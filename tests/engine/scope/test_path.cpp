// SPDX-License-Identifier: Apache-2.0
#include "scope/path.hpp"
#include "support/random.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_path)

using varscope::detail::Path;
using varscope::detail::PathHash;
using varscope::detail::SixteenCharacters;
using varscope::testing::Random;

namespace {

/// A copy with nothing readable behind or in front of it, for tools that look at accesses.
class Alone {
 public:
  explicit Alone(std::string_view text) : characters_(new char[text.size()]), size_(text.size()) {
    std::copy(text.begin(), text.end(), characters_.get());
  }
  std::string_view view() const { return {characters_.get(), size_}; }

 private:
  std::unique_ptr<char[]> characters_;
  std::size_t size_;
};

Path split_at(const Alone& scope, const Alone& leaf) {
  return Path(scope.view(), PathHash::of_scope(scope.view()), leaf.view());
}

/// As an entry keeps it.
Alone stored(std::string_view text) {
  const Path path(text);
  std::string characters(path.stored_size(), '?');
  path.store(characters.data());
  BOOST_REQUIRE(characters.substr(characters.size() - text.size()) == text);
  return Alone(characters);
}

bool equal(const Path& path, std::string_view text) {
  return path.size() == text.size() && path.is_stored_at(stored(text).view().data());
}

std::string random_text(Random& random, std::size_t size) {
  std::string text(size, '\0');
  for (char& character : text) character = static_cast<char>(random.integer(0, 255));
  return text;
}

struct Occupancy {
  double empty, expected, deviation;
};

/// How many of 2^bits places no name wants, and how many there would be if all places were equally likely.
template <typename Place>
Occupancy occupancy_of(const std::vector<std::string>& names, unsigned bits, Place place) {
  std::vector<bool> wanted(std::size_t{1} << bits);
  for (const std::string& name : names) wanted[place(Path(name).hash())] = true;
  const auto places = static_cast<double>(wanted.size());
  const double load = static_cast<double>(names.size()) / places;
  const double none = std::exp(-load);
  return {static_cast<double>(std::count(wanted.begin(), wanted.end(), false)), places * none,
          std::sqrt(places * none * (1 - (1 + load) * none))};
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_path_is_the_same_however_it_is_split) {
  const std::string whole = "image_filters/conv1/weights";
  for (std::size_t cut = whole.find('/'); cut != std::string::npos; cut = whole.find('/', cut + 1)) {
    const Alone scope(whole.substr(0, cut)), leaf(whole.substr(cut + 1));
    const Path path = split_at(scope, leaf);
    BOOST_TEST(path.hash() == Path(whole).hash());
    BOOST_TEST(path.to_string() == whole);
    BOOST_TEST(equal(path, whole));
    BOOST_TEST(!equal(path, "image_filters/conv1/weightz"));
    BOOST_TEST(!equal(path, "image_filterz/conv1/weights"));
    BOOST_TEST(!equal(path, "image_filters_conv1_weights"));
  }
  BOOST_TEST(Path("", PathHash::of_scope(""), "v").to_string() == "v");
  BOOST_TEST(Path("", PathHash::of_scope(""), "v").hash() == Path("v").hash());
  BOOST_TEST(Path("s", PathHash::of_scope("s"), "").to_string() == "s/");
  BOOST_TEST(Path("s", PathHash::of_scope("s"), "").hash() == Path("s/").hash());
  BOOST_TEST(PathHash::of_scope("").state() == PathHash().state());
  BOOST_TEST((PathHash::from_state(PathHash::of_scope(whole).state()) == PathHash::of_scope(whole)));
}

// Any characters, every length up to 100, every cut.
BOOST_AUTO_TEST_CASE(every_split_has_one_hash_and_equals_the_whole_alone) {
  Random random;
  for (int round = 0; round < 3; ++round) {
    for (std::size_t size = 0; size <= 100; ++size) {
      const std::string text = random_text(random, size);
      const Alone whole(text);
      BOOST_REQUIRE(Path(whole.view()).to_string() == text);
      BOOST_REQUIRE(equal(Path(whole.view()), text));
      for (std::size_t cut = 1; cut < size; ++cut) {
        std::string joined = text;
        joined[cut] = '/';
        const Alone scope(joined.substr(0, cut)), leaf(joined.substr(cut + 1));
        const Path path = split_at(scope, leaf);
        BOOST_REQUIRE(path.size() == size);
        BOOST_REQUIRE(path.hash() == Path(joined).hash());
        BOOST_REQUIRE(path.to_string() == joined);
        BOOST_REQUIRE(equal(path, joined));
        std::string other = joined;
        char& changed = other[random.integer<std::size_t>(0, size - 1)];
        changed = static_cast<char>(changed ^ (1 << random.integer(0, 7)));
        BOOST_REQUIRE(!equal(path, other));
        BOOST_REQUIRE(!equal(path, joined + "x"));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_difference_at_any_place_is_noticed) {
  Random random(1);
  for (std::size_t size = 1; size <= 80; ++size) {
    const std::string text = random_text(random, size);
    const std::uint64_t hash = Path(text).hash();
    for (std::size_t place = 0; place < size; ++place) {
      std::string other = text;
      for (int bit = 0; bit < 8; ++bit) {
        other[place] = static_cast<char>(text[place] ^ (1 << bit));
        BOOST_REQUIRE(Path(other).hash() != hash);
        BOOST_REQUIRE(!equal(Path(text), other));
      }
    }
  }
}

// Zeros are what a short text is filled up with.
BOOST_AUTO_TEST_CASE(the_size_counts) {
  std::set<std::uint64_t> zeros, prefixes;
  Random random(2);
  const std::string text = random_text(random, 100);
  for (std::size_t size = 0; size <= 100; ++size) {
    zeros.insert(Path(std::string(size, '\0')).hash());
    prefixes.insert(Path(text.substr(0, size)).hash());
  }
  BOOST_TEST(zeros.size() == 101U);
  BOOST_TEST(prefixes.size() == 101U);
}

// A table takes the lowest bits of a hash, and sixteen of the highest as a tag.
BOOST_AUTO_TEST_CASE(similar_paths_are_spread_as_if_by_chance) {
  constexpr int kNames = 100000;
  const auto number = [](int of) { return std::to_string(of); };
  const std::pair<const char*, std::function<std::string(int)>> kinds[] = {
      {"v123", [&](int of) { return "v" + number(of); }},
      {"layer_123", [&](int of) { return "layer_" + number(of); }},
      {"model/block12/conv3/weights",
       [&](int of) {
         constexpr const char* kLeaves[] = {"weights", "biases", "gamma", "beta"};
         return "model/block" + number(of / 20) + "/conv" + number(of / 4 % 5) + "/" + kLeaves[of % 4];
       }},
      {"generator/encoder_12/residual_block_3/batch_normalization/moving_variance", [&](int of) {
         return "generator/encoder_" + number(of / 8) + "/residual_block_" + number(of % 8) +
                "/batch_normalization/moving_variance";
       }}};
  for (const auto& [title, make] : kinds) {
    std::vector<std::string> names;
    std::set<std::uint64_t> hashes;
    for (int of = 0; of < kNames; ++of) hashes.insert(Path(names.emplace_back(make(of))).hash());
    BOOST_TEST(hashes.size() == std::size_t{kNames}, title);
    for (const unsigned bits : {14U, 17U, 18U}) {
      const Occupancy slots =
          occupancy_of(names, bits, [&](std::uint64_t hash) { return hash & ((1U << bits) - 1); });
      BOOST_TEST(std::abs(slots.empty - slots.expected) < 5 * slots.deviation,
                 title << ": " << slots.empty << " empty slots instead of " << slots.expected);
    }
    const Occupancy tags = occupancy_of(names, 16, [](std::uint64_t hash) { return hash >> 48U; });
    BOOST_TEST(std::abs(tags.empty - tags.expected) < 5 * tags.deviation,
               title << ": " << tags.empty << " tags that nobody has instead of " << tags.expected);
  }
}

BOOST_AUTO_TEST_CASE(the_last_sixteen_characters_are_those) {
  Random random(3);
  const auto characters = [](std::string_view text) {  // one at a time
    SixteenCharacters result;
    for (const char character : text) {
      result.low = result.low >> 8U | result.high << 56U;
      result.high = result.high >> 8U | std::uint64_t{static_cast<unsigned char>(character)} << 56U;
    }
    return result;
  };
  for (std::size_t size = 0; size <= 40; ++size) {
    const std::string text = random_text(random, size);
    BOOST_REQUIRE((SixteenCharacters::last_of(Alone(text).view()) == characters(text)));
    BOOST_REQUIRE((SixteenCharacters::last_of_with_slash(Alone(text).view()) == characters(text + "/")));
    for (std::size_t cut = 0; cut <= size; ++cut) {
      const SixteenCharacters first = SixteenCharacters::last_of(Alone(text.substr(0, cut)).view());
      BOOST_REQUIRE((first.then(Alone(text.substr(cut)).view()) == characters(text)));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
