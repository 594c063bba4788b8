// SPDX-License-Identifier: Apache-2.0
// SEMANTICS 2.1: fans, and the scales that follow from them, of dense layers, convolutions and odd shapes.
// The table was computed by the rule given there, by another program.
#include <varscope/array.hpp>
#include <varscope/error.hpp>
#include <varscope/initializer.hpp>

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>

BOOST_AUTO_TEST_SUITE(test_initializer_fans)

namespace vs = varscope;

namespace {

constexpr vs::SeedPair seeds{42, 7};

struct Row {
  vs::Shape shape;
  double fan_in;
  double fan_out;
  double limit[3];    // uniform variance scaling by 2.5: fan_in, fan_out, fan_avg
  double stddev[3];   // truncated normal variance scaling by 2.5, before it is truncated
  double unit_limit;  // uniform unit scaling with factor 1.3
};

// clang-format off
const Row table[] = {
    {{}, 1, 1, {2.73861279, 2.73861279, 2.73861279}, {1.79751331, 1.79751331, 1.79751331}, 2.25166605},
    {{1}, 1, 1, {2.73861279, 2.73861279, 2.73861279}, {1.79751331, 1.79751331, 1.79751331}, 2.25166605},
    {{7}, 7, 7, {1.03509834, 1.03509834, 1.03509834}, {0.679396169, 0.679396169, 0.679396169}, 2.25166605},
    {{3, 5}, 3, 5, {1.58113883, 1.22474487, 1.36930639}, {1.03779479, 0.803872389, 0.898756653}, 1.3},
    {{1, 1}, 1, 1, {2.73861279, 2.73861279, 2.73861279}, {1.79751331, 1.79751331, 1.79751331}, 2.25166605},
    {{5, 3}, 5, 3, {1.22474487, 1.58113883, 1.36930639}, {0.803872389, 1.03779479, 0.898756653}, 1.00697567},
    {{784, 256}, 784, 256, {0.0978075996, 0.171163299, 0.120096115}, {0.0641969038, 0.112344582, 0.078826173}, 0.0804166446},
    {{2304, 384}, 2304, 384, {0.0570544331, 0.139754249, 0.0747017881}, {0.0374481939, 0.0917289668, 0.0490311952}, 0.0469097094},
    {{2, 3, 5}, 6, 10, {1.11803399, 0.866025404, 0.968245837}, {0.733831734, 0.568423617, 0.635516924}, 0.919238816},
    {{1, 1, 1}, 1, 1, {2.73861279, 2.73861279, 2.73861279}, {1.79751331, 1.79751331, 1.79751331}, 2.25166605},
    {{9, 64, 1}, 576, 9, {0.114108866, 0.912870929, 0.160128154}, {0.0748963878, 0.599171102, 0.105101564}, 0.0938194187},
    {{5, 5, 3, 64}, 75, 1600, {0.316227766, 0.0684653197, 0.0946320447}, {0.207558958, 0.0449378327, 0.0621125996}, 0.26},
    {{5, 5, 32, 64}, 800, 1600, {0.0968245837, 0.0684653197, 0.0790569415}, {0.0635516924, 0.0449378327, 0.0518897396}, 0.0796084166},
    {{3, 3, 3, 64}, 27, 576, {0.527046277, 0.114108866, 0.157720074}, {0.345931597, 0.0748963878, 0.103520999}, 0.433333333},
    {{7, 7, 3, 64}, 147, 3136, {0.225876976, 0.0489037998, 0.0675943176}, {0.148256399, 0.0320984519, 0.0443661426}, 0.185714286},
    {{1, 1, 256, 512}, 256, 512, {0.171163299, 0.12103073, 0.139754249}, {0.112344582, 0.0794396155, 0.0917289668}, 0.140729128},
    {{5, 1, 2, 3}, 10, 15, {0.866025404, 0.707106781, 0.774596669}, {0.568423617, 0.46411594, 0.508413539}, 0.712039325},
    {{3, 3, 1, 1}, 9, 9, {0.912870929, 0.912870929, 0.912870929}, {0.599171102, 0.599171102, 0.599171102}, 0.75055535},
    {{3, 3, 256, 1}, 2304, 9, {0.0570544331, 0.912870929, 0.0805300211}, {0.0374481939, 0.599171102, 0.0528566087}, 0.0469097094},
    {{2, 3, 4, 5, 6}, 120, 144, {0.25, 0.228217732, 0.238365647}, {0.164089764, 0.149792776, 0.156453451}, 0.205548048},
    {{3, 3, 3, 16, 32}, 432, 864, {0.131761569, 0.0931694991, 0.107582871}, {0.0864828993, 0.0611526445, 0.0706129916}, 0.108333333},
    {{1, 1, 1, 1, 1}, 1, 1, {2.73861279, 2.73861279, 2.73861279}, {1.79751331, 1.79751331, 1.79751331}, 2.25166605},
};
// clang-format on

/// Of the first number, which is the unit's times the scale.
double scale_of(const vs::Initializer& initializer, const vs::Shape& shape, const vs::Initializer& unit) {
  const vs::Array scaled = initializer(shape, vs::float64, seeds);
  return scaled.values<double>()[0] / unit({}, vs::float64, seeds).item();
}

}  // namespace

BOOST_AUTO_TEST_CASE(fans) {
  for (const Row& row : table) {
    BOOST_TEST_CONTEXT(row.shape.to_string()) {
      const vs::Fans computed = vs::compute_fans(row.shape);
      BOOST_TEST(computed.fan_in == row.fan_in);
      BOOST_TEST(computed.fan_out == row.fan_out);
    }
  }
}

BOOST_AUTO_TEST_CASE(fans_of_empty_shapes) {
  const struct {
    vs::Shape shape;
    double fan_in;
    double fan_out;
  } empty[] = {
      {{0}, 0, 0},        {{0, 4}, 0, 4},    {{4, 0}, 4, 0},           {{0, 0}, 0, 0},
      {{3, 0, 5}, 0, 15}, {{0, 2, 5}, 0, 0}, {{1, 2, 3, 0, 5}, 0, 30}, {{2, 2, 3, 0}, 12, 0},
  };
  for (const auto& [shape, fan_in, fan_out] : empty) {
    BOOST_TEST_CONTEXT(shape.to_string()) {
      BOOST_TEST(vs::compute_fans(shape).fan_in == fan_in);
      BOOST_TEST(vs::compute_fans(shape).fan_out == fan_out);
      for (const vs::FanMode mode : {vs::FanMode::fan_in, vs::FanMode::fan_out, vs::FanMode::fan_avg}) {
        BOOST_TEST(vs::variance_scaling_initializer({.mode = mode})(shape).num_elements() == 0);
      }
      BOOST_TEST(vs::uniform_unit_scaling_initializer()(shape).num_elements() == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(fans_need_a_known_shape) {
  BOOST_CHECK_THROW(vs::compute_fans({-1, 2}), vs::ValueError);
  BOOST_CHECK_THROW(vs::compute_fans(vs::Shape::unknown()), vs::ValueError);
}

BOOST_AUTO_TEST_CASE(scales) {
  const auto tolerance = boost::test_tools::tolerance(1e-8);
  const vs::Initializer unit_uniform = vs::random_uniform_initializer(-1, 1);
  const vs::Initializer unit_normal = vs::random_normal_initializer();
  const vs::Initializer unit_truncated = vs::truncated_normal_initializer();
  using Distribution = vs::VarianceDistribution;
  for (const Row& row : table) {
    for (const vs::FanMode mode : {vs::FanMode::fan_in, vs::FanMode::fan_out, vs::FanMode::fan_avg}) {
      const auto column = static_cast<std::size_t>(mode);
      const auto scaled = [&](Distribution distribution, const vs::Initializer& unit) {
        return scale_of(
            vs::variance_scaling_initializer({.scale = 2.5, .mode = mode, .distribution = distribution}),
            row.shape, unit);
      };
      BOOST_TEST_CONTEXT(row.shape.to_string() << " mode " << column) {
        BOOST_TEST(scaled(Distribution::uniform, unit_uniform) == row.limit[column], tolerance);
        BOOST_TEST(scaled(Distribution::truncated_normal, unit_truncated) == row.stddev[column], tolerance);
        BOOST_TEST(
            scaled(Distribution::untruncated_normal, unit_normal) == row.limit[column] / std::sqrt(3.0),
            tolerance);
      }
    }
    BOOST_TEST_CONTEXT(row.shape.to_string()) {
      const vs::Initializer unit_scaling = vs::uniform_unit_scaling_initializer(1.3);
      BOOST_TEST(scale_of(unit_scaling, row.shape, unit_uniform) == row.unit_limit, tolerance);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
