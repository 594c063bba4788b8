// SPDX-License-Identifier: Apache-2.0
// SEMANTICS 2.1 and 2.2: initializers and random numbers, the published vectors of Philox. How the numbers
// are distributed is tested by test_initializer_statistics.cpp.
#include "graph/graph_state.hpp"
#include "scope/elementary_functions.hpp"
#include "scope/initializer_body.hpp"
#include "scope/seeds.hpp"
#include "scope_fixture.hpp"
#include "support/random.hpp"

#include <varscope/initializer.hpp>
#include <varscope/philox.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <set>

BOOST_AUTO_TEST_SUITE(test_initializers)

namespace vs = varscope;
using namespace varscope::testing;
using boost::test_tools::per_element;

namespace {

constexpr vs::SeedPair seeds{42, 7};

std::vector<double> doubles_of(const vs::Array& array) {
  std::vector<double> values(static_cast<std::size_t>(array.num_elements()));
  if (array.dtype() == vs::float32) {
    std::copy_n(array.values<float>().begin(), values.size(), values.begin());
  } else {
    std::copy_n(array.values<double>().begin(), values.size(), values.begin());
  }
  return values;
}

}  // namespace

// Random123's kat_vectors, philox4x32 with 10 rounds.
BOOST_AUTO_TEST_CASE(philox_known_answers) {
  using Block = vs::Philox::Block;
  BOOST_TEST((vs::Philox(0)(0, 0) == Block{0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8}));
  const std::uint64_t ones = ~std::uint64_t{0};
  BOOST_TEST((vs::Philox(ones)(ones, ones) == Block{0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD}));
  BOOST_TEST((vs::Philox(0x299F31D0A4093822U)(0x85A308D3243F6A88U, 0x0370734413198A2EU) ==
              Block{0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1}));
}

BOOST_AUTO_TEST_CASE(elementary_functions_are_within_their_bounds) {
  Random random;
  double worst_logarithm = 0, worst_sine = 0;
  const auto check_logarithm = [&](double x) {
    const long double wanted = std::log(static_cast<long double>(x));
    const long double error = std::abs(static_cast<long double>(vs::detail::natural_logarithm(x)) - wanted);
    const long double relative = wanted == 0 ? error : error / std::abs(wanted);
    worst_logarithm = std::max(worst_logarithm, static_cast<double>(relative));
  };
  const auto check_turns = [&](double turns) {
    const vs::detail::SineCosine got = vs::detail::sine_and_cosine_of_turns(turns);
    // The judge works in extended precision: 2 pi times turns is not exact in double.
    const long double angle = 2 * std::numbers::pi_v<long double> * static_cast<long double>(turns);
    worst_sine = std::max({worst_sine, std::abs(got.sine - static_cast<double>(std::sin(angle))),
                           std::abs(got.cosine - static_cast<double>(std::cos(angle)))});
  };
  for (int sample = 0; sample < 200000; ++sample) {
    const std::int64_t bits = random.integer<std::int64_t>(0, (std::int64_t{1} << 52) - 1);
    const double unit = (static_cast<double>(bits) + 0.5) * 0x1p-52;
    check_logarithm(unit);
    check_logarithm(1 - unit * 0x1p-20);  // ln is near 0
    check_logarithm(std::ldexp(unit, random.integer(-60, 60)));
    check_turns(unit);
  }
  for (int eighth = 0; eighth < 8; ++eighth) {
    check_turns(eighth / 8.0);
    check_turns(std::nextafter(eighth / 8.0, 1));
    check_turns(std::nextafter((eighth + 1) / 8.0, 0));
  }
  for (const double x : {1.0, 0.5, 0x1p-33, 0x1p-53, std::sqrt(0.5), std::numbers::sqrt2, 1e300, 1e-300}) {
    check_logarithm(x);
  }
  BOOST_TEST(worst_logarithm <= 4.5e-16);
  BOOST_TEST(worst_sine <= 3e-16);
}

BOOST_AUTO_TEST_CASE(constants_fill_every_dtype) {
  for (const vs::DType dtype : {vs::float32, vs::float64, vs::int32, vs::int64, vs::uint8, vs::boolean}) {
    BOOST_TEST_CONTEXT(dtype) {
      BOOST_TEST(vs::zeros_initializer()({3}, dtype).same_bits(vs::Array({3}, dtype)));
      const vs::Array ones = vs::ones_initializer()({}, dtype);
      BOOST_TEST(ones.dtype() == dtype);
      BOOST_TEST(ones.item() == 1.0);
    }
  }
  BOOST_TEST(vs::constant_initializer(0.4)({1}).values<float>()[0] == 0.4f);
  BOOST_TEST(vs::constant_initializer(3)({1}, vs::int64).values<std::int64_t>()[0] == 3);
}

BOOST_AUTO_TEST_CASE(constants_repeat_the_last_value) {
  const vs::Array array = vs::constant_initializer({1, 2, 3})({2, 3}, vs::int32);
  BOOST_TEST(array.values<std::int32_t>() == (std::vector<std::int32_t>{1, 2, 3, 3, 3, 3}), per_element());
  const vs::Array exact = vs::constant_initializer({1, 2, 3})({3});
  BOOST_TEST(exact.values<float>() == (std::vector<float>{1, 2, 3}), per_element());
  BOOST_CHECK_EXCEPTION(vs::constant_initializer({1, 2, 3})({2}), vs::ValueError,
                        says({"3 values", "2 elements"}));
  BOOST_CHECK_THROW(vs::constant_initializer(std::initializer_list<double>{}), vs::ValueError);
}

BOOST_AUTO_TEST_CASE(a_constant_that_the_dtype_cannot_hold_is_refused) {
  BOOST_CHECK_EXCEPTION(vs::constant_initializer(0.5)({1}, vs::int32), vs::TypeError, says({"0.5", "int32"}));
  BOOST_CHECK_EXCEPTION(vs::constant_initializer(256)({1}, vs::uint8), vs::TypeError, says({"256", "uint8"}));
  BOOST_CHECK_EXCEPTION(vs::constant_initializer(-1)({1}, vs::uint8), vs::TypeError, says({"-1"}));
  BOOST_CHECK_THROW(vs::constant_initializer(2)({1}, vs::boolean), vs::TypeError);
  BOOST_CHECK_THROW(vs::constant_initializer(std::nan(""))({1}, vs::int64), vs::TypeError);
  BOOST_CHECK_THROW(vs::constant_initializer(0x1p31)({1}, vs::int32), vs::TypeError);
}

BOOST_AUTO_TEST_CASE(constants_may_insist_on_their_shape) {
  BOOST_TEST(vs::constant_initializer(3, true)({}).item() == 3);
  BOOST_TEST(vs::constant_initializer({1, 2}, true)({2}).same_bits(vs::Array::of<float>({2}, {1, 2})));
  BOOST_CHECK_EXCEPTION(vs::constant_initializer(3, true)({2}), vs::TypeError,
                        says({"verify_shape", "[]", "[2]"}));
  BOOST_CHECK_EXCEPTION(vs::constant_initializer({1, 2}, true)({3}), vs::TypeError, says({"[2]", "[3]"}));
  // Before the number of values is looked at, as in TensorFlow.
  BOOST_CHECK_THROW(vs::constant_initializer({1, 2}, true)({1}), vs::TypeError);
  BOOST_CHECK_THROW(vs::constant_initializer({1, 2}, true)({1, 2}), vs::TypeError);
}

BOOST_AUTO_TEST_CASE(constants_from_an_array) {
  const vs::Array array = vs::Array::of<std::int32_t>({2, 2}, {1, 2, 3, 4});
  const vs::Array repeated = vs::constant_initializer(array)({5}, vs::float64);
  BOOST_TEST(repeated.values<double>() == (std::vector<double>{1, 2, 3, 4, 4}), per_element());
  BOOST_TEST(vs::constant_initializer(array, true)({2, 2}, vs::int32).same_bits(array));
  BOOST_CHECK_EXCEPTION(vs::constant_initializer(array, true)({4}), vs::TypeError, says({"[2,2]", "[4]"}));
  BOOST_CHECK_THROW(vs::constant_initializer(array)({3}), vs::ValueError);
  for (const vs::DType dtype : {vs::float32, vs::float64, vs::int32, vs::int64, vs::uint8, vs::boolean}) {
    const vs::Array ones = vs::ones_initializer()({2}, dtype);
    BOOST_TEST(vs::constant_initializer(ones)({2}, dtype).same_bits(ones));
  }
  BOOST_CHECK_THROW(vs::constant_initializer(vs::Array({0})), vs::ValueError);
  const std::int64_t large = (std::int64_t{1} << 53) + 1;
  BOOST_CHECK_EXCEPTION(vs::constant_initializer(vs::Array::scalar(large)), vs::ValueError,
                        says({"9007199254740993"}));
  BOOST_CHECK_THROW(vs::constant_initializer(vs::Array::scalar(-large)), vs::ValueError);
}

BOOST_AUTO_TEST_CASE(values_and_functions) {
  const vs::Array value = vs::Array::of<float>({2}, {1, 2});
  const vs::Initializer from_value = value;
  BOOST_TEST(from_value.is_value());
  BOOST_TEST(from_value({2}).same_bits(value));
  BOOST_CHECK_EXCEPTION(from_value({3}), vs::ValueError, says({"float32[2]", "float32[3]"}));

  const vs::Initializer function([](const vs::Shape& shape, vs::DType dtype, vs::SeedPair) {
    return vs::ones_initializer()(shape, dtype);
  });
  BOOST_TEST(!function.is_value());
  BOOST_TEST(function({2}, vs::float64).same_bits(vs::Array::of<double>({2}, {1, 1})));
  const vs::Initializer wrong([](const vs::Shape&, vs::DType, vs::SeedPair) { return vs::Array(); });
  BOOST_CHECK_EXCEPTION(wrong({2}), vs::ValueError, says({"float32[2]", "float32[]"}));
  BOOST_CHECK_THROW(vs::Initializer{vs::Initializer::Function{}}, vs::TypeError);
  BOOST_CHECK_THROW(vs::Initializer()({1}), vs::FailedPreconditionError);
  BOOST_CHECK_THROW(vs::zeros_initializer()({-1}), vs::ValueError);
}

BOOST_AUTO_TEST_CASE(uniform_limits) {
  BOOST_TEST(vs::random_uniform_initializer(2, 2)({1}, vs::float64, seeds).item() == 2);
  BOOST_CHECK_EXCEPTION(vs::random_uniform_initializer(2, 1), vs::ValueError, says({"maxval", "minval"}));
  BOOST_CHECK_THROW(vs::random_uniform_initializer(0, std::nan("")), vs::ValueError);
}

BOOST_AUTO_TEST_CASE(uniform_integers) {
  BOOST_CHECK_EXCEPTION(vs::random_uniform_initializer(0)({1}, vs::int32), vs::ValueError, says({"maxval"}));
  BOOST_CHECK_THROW(vs::random_uniform_initializer(0, 0.5)({1}, vs::int32), vs::ValueError);
  BOOST_CHECK_THROW(vs::random_uniform_initializer(3, 3)({1}, vs::int32), vs::ValueError);
  BOOST_CHECK_THROW(vs::random_uniform_initializer(0, 0x1p40)({1}, vs::int32), vs::ValueError);
  BOOST_CHECK_THROW(vs::random_uniform_initializer(0, 2)({1}, vs::uint8), vs::ValueError);
}

BOOST_AUTO_TEST_CASE(parameters_and_dtypes_that_are_refused) {
  BOOST_CHECK_EXCEPTION(vs::random_normal_initializer()({1}, vs::int32), vs::ValueError, says({"int32"}));
  BOOST_CHECK_THROW(vs::random_normal_initializer(0, -1), vs::ValueError);
  BOOST_CHECK_THROW(vs::random_normal_initializer(std::nan(""), 1), vs::ValueError);
  BOOST_CHECK_THROW(vs::truncated_normal_initializer()({1}, vs::int64), vs::ValueError);
  BOOST_CHECK_THROW(vs::truncated_normal_initializer(0, -1), vs::ValueError);
  BOOST_CHECK_EXCEPTION(vs::variance_scaling_initializer({.scale = 0}), vs::ValueError, says({"scale"}));
  BOOST_CHECK_THROW(vs::variance_scaling_initializer({.scale = -1}), vs::ValueError);
  BOOST_CHECK_THROW(vs::glorot_uniform_initializer()({1}, vs::int32), vs::ValueError);
}

// Element i depends on i and the seeds only: any division into ranges gives the same bits.
BOOST_AUTO_TEST_CASE(ranges_give_the_same_bits_as_the_whole) {
  Random random(1);
  const vs::Initializer all[] = {vs::zeros_initializer(),
                                 vs::constant_initializer({1, 2, 3}),
                                 vs::random_uniform_initializer(-1, 7),
                                 vs::random_normal_initializer(),
                                 vs::truncated_normal_initializer(),
                                 vs::he_uniform_initializer(),
                                 vs::uniform_unit_scaling_initializer(),
                                 vs::identity_initializer(3)};
  const vs::Shape shape{37, 11};
  for (const vs::Initializer& initializer : all) {
    for (const vs::DType dtype : {vs::float32, vs::float64, vs::int32, vs::int64}) {
      if (!is_floating(dtype) && initializer.body()->op_name() != "zeros" &&
          initializer.body()->op_name() != "Const" && initializer != all[2]) {
        continue;
      }
      BOOST_TEST_CONTEXT(initializer.body()->op_name() << " " << dtype) {
        BOOST_TEST(initializer.body()->divisible());
        const vs::Array whole = initializer(shape, dtype, seeds);
        vs::Array parts(shape, dtype);
        for (std::int64_t begin = 0; begin < 407;) {
          const std::int64_t end = std::min<std::int64_t>(407, begin + random.integer<std::int64_t>(1, 50));
          initializer.body()->fill(parts.data(), begin, end, shape, dtype, seeds);
          begin = end;
        }
        BOOST_TEST(parts.same_bits(whole));
        // A longer array begins with the same numbers, unless the shape sets the distribution.
        if (std::find(std::begin(all) + 5, std::end(all), initializer) == std::end(all)) {
          const vs::Array longer = initializer({1000}, dtype, seeds);
          BOOST_TEST(std::equal(static_cast<const std::byte*>(whole.data()),
                                static_cast<const std::byte*>(whole.data()) + whole.num_bytes(),
                                static_cast<const std::byte*>(longer.data())));
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(seeds_make_the_difference) {
  const vs::Initializer normal = vs::random_normal_initializer();
  BOOST_TEST(normal({9}, vs::float32, seeds).same_bits(normal({9}, vs::float32, seeds)));
  BOOST_TEST(!normal({9}, vs::float32, seeds).same_bits(normal({9}, vs::float32, {43, 7})));
  BOOST_TEST(!normal({9}, vs::float32, seeds).same_bits(normal({9}, vs::float32, {42, 8})));
}

// These bits are a promise: they must not change between machines, compilers or versions. The first ones were
// computed independently, by a program of a few lines in another language.
BOOST_AUTO_TEST_CASE(golden_bits) {
  const auto bits = [](const vs::Initializer& initializer) {
    std::vector<std::uint32_t> words;
    const vs::Array array = initializer({6}, vs::float32, seeds);
    for (const float value : array.values<float>()) words.push_back(std::bit_cast<std::uint32_t>(value));
    return words;
  };
  const auto hash = [](const vs::Initializer& initializer, vs::DType dtype) {
    const vs::Array array = initializer({100003}, dtype, seeds);
    std::uint64_t state = 0xCBF29CE484222325U;
    for (std::size_t index = 0; index < array.num_bytes(); ++index) {
      state = (state ^ static_cast<const std::uint8_t*>(array.data())[index]) * 0x100000001B3U;
    }
    return state;
  };
  using Words = std::vector<std::uint32_t>;
  BOOST_TEST(bits(vs::random_uniform_initializer()) ==
                 (Words{0x3F5CDE58U, 0x3F282198U, 0x3F7D946AU, 0x3F6731A6U, 0x3F3BD280U, 0x3DF61960U}),
             per_element());
  BOOST_TEST(bits(vs::random_normal_initializer()) ==
                 (Words{0xBF51494DU, 0x3F8856DDU, 0x3F9101BFU, 0xBF289034U, 0x3EA7C2C6U, 0xBEA841A0U}),
             per_element());
  // In float64 the other program's sine and logarithm differ in the last bits; the hashes below have ours.
  const std::vector<double> uniforms{0.4059819683655663, 0.42380965997786135, 0.8979173452535725,
                                     0.5617366398624271};
  const std::vector<double> normals{0.6185121369693382, -1.1917784202360697, -0.17553083470643774,
                                    -0.42958519782987814};
  const std::vector<double> our_uniforms =
      doubles_of(vs::random_uniform_initializer()({4}, vs::float64, seeds));
  const std::vector<double> our_normals =
      doubles_of(vs::random_normal_initializer()({4}, vs::float64, seeds));
  for (std::size_t index = 0; index < 4; ++index) {
    BOOST_TEST(our_uniforms[index] == uniforms[index]);
    BOOST_TEST(our_normals[index] == normals[index], boost::test_tools::tolerance(1e-14));
  }
  BOOST_TEST(hash(vs::random_uniform_initializer(-1, 1), vs::float32) == 3649730785224485454U);
  BOOST_TEST(hash(vs::random_normal_initializer(), vs::float32) == 13138719225614367319U);
  BOOST_TEST(hash(vs::random_normal_initializer(), vs::float64) == 3453549930200359894U);
  BOOST_TEST(hash(vs::truncated_normal_initializer(), vs::float32) == 5046433747731679023U);
  BOOST_TEST(hash(vs::truncated_normal_initializer(), vs::float64) == 84326105883007344U);
  BOOST_TEST(hash(vs::random_uniform_initializer(-10, 1000), vs::int32) == 3015251968126942557U);
}

// SEMANTICS 2.2: how seeds combine.
BOOST_FIXTURE_TEST_CASE(seeds_combine, NewGraph) {
  using vs::detail::combine_seeds;
  const auto pair = [&](vs::Seed seed) {
    const vs::SeedPair combined = combine_seeds(graph.state(), seed);
    return std::pair(combined.first, combined.second);
  };
  using Pair = std::pair<std::uint64_t, std::uint64_t>;
  BOOST_TEST((pair(5) == Pair{87654321, 5}));
  BOOST_TEST((pair(std::nullopt) != pair(std::nullopt)));
  vs::set_random_seed(9);
  BOOST_TEST((pair(5) == Pair{9, 5}));
  BOOST_TEST((pair(std::nullopt) == Pair{9, 0}));
  op();
  BOOST_TEST((pair(std::nullopt) == Pair{9, 1}));
  vs::set_random_seed(0);
  BOOST_TEST((pair(0) == Pair{0, 2147483647}));
  vs::set_random_seed(2147483647);
  BOOST_TEST((pair(2147483648) == Pair{0, 1}));
}

BOOST_FIXTURE_TEST_CASE(a_variable_keeps_the_seeds_of_its_creation, NewGraph) {
  vs::set_random_seed(3);
  const vs::Variable a = vs::get_variable("a", {4});
  const vs::Variable b = vs::get_variable("b", {4});
  const vs::Variable c = vs::get_variable("c", {4}, {.initializer = vs::random_normal_initializer(0, 1, 11)});
  const auto seeds_of = [](const vs::Variable& variable) {
    return std::pair(variable.record()->seeds().first, variable.record()->seeds().second);
  };
  BOOST_TEST((seeds_of(a) == std::pair<std::uint64_t, std::uint64_t>(3, 0)));
  BOOST_TEST((seeds_of(b) == std::pair<std::uint64_t, std::uint64_t>(3, 4)));  // four operations made a
  BOOST_TEST((seeds_of(c) == std::pair<std::uint64_t, std::uint64_t>(3, 11)));
}

BOOST_AUTO_TEST_SUITE_END()
