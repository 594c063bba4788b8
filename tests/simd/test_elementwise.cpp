// SPDX-License-Identifier: Apache-2.0
// Elementwise kernels against double precision, over the whole range of floats.
#include "support.hpp"

#include <functional>
#include <string>

BOOST_AUTO_TEST_SUITE(test_elementwise)

using namespace varscope::simd;
using namespace varscope::simd::testing;

namespace {

struct UnaryCase {
  const char* name;
  UnaryFunction ElementwiseKernels::*slot;
  double (*exact)(double);
  double bound;  // in ulps
};

const UnaryCase kUnaryCases[] = {
    {"abs", &ElementwiseKernels::abs, [](double x) { return std::fabs(x); }, 0.0},
    {"exp", &ElementwiseKernels::exp, [](double x) { return std::exp(x); }, 2.0},
    {"log", &ElementwiseKernels::log, [](double x) { return std::log(x); }, 2.0},
    {"neg", &ElementwiseKernels::neg, [](double x) { return -x; }, 0.0},
    {"reciprocal", &ElementwiseKernels::reciprocal, [](double x) { return 1.0 / x; }, 0.5},
    {"relu", &ElementwiseKernels::relu, [](double x) { return x < 0.0 ? 0.0 : x; }, 0.0},
    {"rsqrt", &ElementwiseKernels::rsqrt, [](double x) { return 1.0 / std::sqrt(x); }, 1.5},
    {"sigmoid", &ElementwiseKernels::sigmoid, [](double x) { return 1.0 / (1.0 + std::exp(-x)); }, 4.0},
    {"sqrt", &ElementwiseKernels::sqrt, [](double x) { return std::sqrt(x); }, 0.5},
    {"square", &ElementwiseKernels::square, [](double x) { return x * x; }, 0.5},
    {"tanh", &ElementwiseKernels::tanh, [](double x) { return std::tanh(x); }, 4.0},
};

// Special values, values of every exponent, and values where the functions bend.
std::vector<float> inputs(Random& random) {
  std::vector<float> values = {0.0f,
                               -0.0f,
                               1.0f,
                               -1.0f,
                               kInfinity,
                               -kInfinity,
                               kNaN,
                               std::numeric_limits<float>::max(),
                               std::numeric_limits<float>::lowest(),
                               std::numeric_limits<float>::min(),
                               -std::numeric_limits<float>::min(),
                               std::numeric_limits<float>::denorm_min(),
                               1e-40f,
                               -1e-40f,
                               88.7f,
                               88.8f,
                               -87.3f,
                               -87.4f,
                               -103.9f,
                               -104.1f,
                               0.625f,
                               -0.625f,
                               9.0f,
                               -9.0f};
  for (int exponent = -126; exponent <= 127; ++exponent) {
    for (int i = 0; i < 16; ++i) {
      const float x = std::ldexp(random.uniform(1.0f, 2.0f), exponent);
      values.push_back(x);
      values.push_back(-x);
    }
  }
  for (int i = 0; i < 30000; ++i) values.push_back(random.uniform(-105.0f, 105.0f));
  for (int i = 0; i < 30000; ++i) values.push_back(random.uniform(-3.0f, 3.0f));
  return values;
}

}  // namespace

BOOST_AUTO_TEST_CASE(unary_functions_keep_their_bounds) {
  Random random(1);
  const std::vector<float> src = inputs(random);
  const auto count = static_cast<std::int64_t>(src.size());
  for_each_kernel_set([&](const KernelSet& kernels) {
    for (const UnaryCase& unary : kUnaryCases) {
      GuardedFloats dst(count);
      (kernels.elementwise.*unary.slot)(src.data(), dst.data(), count);
      BOOST_TEST(dst.intact());
      double worst = 0.0;
      float worst_input = 0.0f;
      for (std::int64_t i = 0; i < count; ++i) {
        const float x = src[static_cast<std::size_t>(i)];
        const double exact = unary.exact(static_cast<double>(x));
        double error = ulps(dst[i], exact);
        // Results below the smallest normal number may become zero; operands below it may count as zero.
        if (std::fabs(exact) < static_cast<double>(std::numeric_limits<float>::min()) && dst[i] == 0.0f)
          error = 0.0;
        if (error > worst) worst = error, worst_input = x;
      }
      BOOST_TEST(worst <= unary.bound,
                 kernels.name << ' ' << unary.name << ": " << worst << " ulp at " << worst_input);
    }
  });
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_position) {
  Random random(2);
  std::vector<float> src = random.floats(200, -20.0f, 20.0f);
  src[3] = kNaN;
  src[50] = kInfinity;
  src[70] = 200.0f;
  src[71] = -200.0f;
  for_each_kernel_set([&](const KernelSet& kernels) {
    for (const UnaryCase& unary : kUnaryCases) {
      const UnaryFunction function = kernels.elementwise.*unary.slot;
      std::vector<float> whole(src.size());
      function(src.data(), whole.data(), static_cast<std::int64_t>(src.size()));
      std::vector<float> pieces(src.size());
      for (std::int64_t i = 0; i < static_cast<std::int64_t>(src.size());) {
        const std::int64_t count =
            std::min<std::int64_t>(random.integer(0, 37), static_cast<std::int64_t>(src.size()) - i);
        function(src.data() + i, pieces.data() + i, count);
        i += count;
      }
      BOOST_TEST(same_bits(whole, pieces), kernels.name << ' ' << unary.name);
      std::vector<float> in_place = src;
      function(in_place.data(), in_place.data(), static_cast<std::int64_t>(src.size()));
      BOOST_TEST(same_bits(whole, in_place), kernels.name << ' ' << unary.name << " in place");
    }
  });
}

namespace {

struct BinaryCase {
  const char* name;
  BinaryForms ElementwiseKernels::*slot;
  double (*exact)(double, double);
};

double maximum(double a, double b) {
  return std::isnan(a) || std::isnan(b) ? std::nan("") : std::max(a, b);
}
double minimum(double a, double b) {
  return std::isnan(a) || std::isnan(b) ? std::nan("") : std::min(a, b);
}

const BinaryCase kBinaryCases[] = {
    {"add", &ElementwiseKernels::add, [](double a, double b) { return a + b; }},
    {"sub", &ElementwiseKernels::sub, [](double a, double b) { return a - b; }},
    {"mul", &ElementwiseKernels::mul, [](double a, double b) { return a * b; }},
    {"div", &ElementwiseKernels::div, [](double a, double b) { return a / b; }},
    {"maximum", &ElementwiseKernels::maximum, maximum},
    {"minimum", &ElementwiseKernels::minimum, minimum},
};

}  // namespace

BOOST_AUTO_TEST_CASE(binary_functions_are_correctly_rounded) {
  Random random(3);
  const std::vector<float> special = {0.0f, -0.0f, 1.0f, kNaN, kInfinity, -kInfinity, 3e38f, -3e38f};
  for (const std::int64_t count : {0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 253}) {
    std::vector<float> a = random.floats(count, -9.0f, 9.0f);
    std::vector<float> b = random.floats(count, -9.0f, 9.0f);
    for (float& x : a) x = random.chance(0.2) ? random.pick(special) : x;
    for (float& x : b) x = random.chance(0.2) ? random.pick(special) : x;
    const float scalar = random.chance(0.2) ? random.pick(special) : random.uniform();
    for_each_kernel_set([&](const KernelSet& kernels) {
      for (const BinaryCase& binary : kBinaryCases) {
        const BinaryForms& forms = kernels.elementwise.*binary.slot;
        for (int form = 0; form < 3; ++form) {
          GuardedFloats dst(count);
          const float* left = form == 2 ? &scalar : a.data();
          const float* right = form == 1 ? &scalar : b.data();
          const BinaryFunction function =
              form == 0 ? forms.vector_vector : (form == 1 ? forms.vector_scalar : forms.scalar_vector);
          function(left, right, dst.data(), count);
          BOOST_TEST(dst.intact());
          for (std::int64_t i = 0; i < count; ++i) {
            const auto index = static_cast<std::size_t>(i);
            const double exact = binary.exact(static_cast<double>(form == 2 ? scalar : a[index]),
                                              static_cast<double>(form == 1 ? scalar : b[index]));
            BOOST_TEST(ulps(dst[i], exact) <= 0.5, kernels.name << ' ' << binary.name << " form " << form);
          }
        }
      }
    });
  }
}

BOOST_AUTO_TEST_SUITE_END()
