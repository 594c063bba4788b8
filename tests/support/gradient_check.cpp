// SPDX-License-Identifier: Apache-2.0
#include "support/gradient_check.hpp"

#include "support/judge.hpp"
#include "support/random_arrays.hpp"

#include <varscope/array_ops.hpp>
#include <varscope/gradients.hpp>
#include <varscope/graph.hpp>
#include <varscope/math_ops.hpp>
#include <varscope/session.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>

namespace varscope::testing {

namespace {

/// What is known of the shapes of placeholders while a graph is built.
enum class Knowledge { all, all_but_first, nothing };

const char* name_of(Knowledge knowledge) {
  return knowledge == Knowledge::all ? "known" : knowledge == Knowledge::nothing ? "unknown" : "partly known";
}

Shape known_part(const Shape& shape, Knowledge knowledge) {
  if (knowledge == Knowledge::nothing) return Shape::unknown();
  std::vector<std::int64_t> dimensions = shape.dimensions();
  if (knowledge == Knowledge::all_but_first && !dimensions.empty()) dimensions.front() = unknown_dimension;
  return Shape(std::move(dimensions));
}

/// The gradients of sum(weights * f(inputs)), of zeros where there are none.
std::vector<Tensor> build_gradients(const std::vector<Tensor>& inputs, const Build& build,
                                    const Array& weights) {
  const Tensor result = build(inputs);
  const Tensor loss = reduce_sum(multiply(result, constant(weights, {.dtype = result.dtype()})));
  std::vector<Tensor> results = gradients({loss}, inputs);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!results[i]) results[i] = zeros_like(inputs[i]);
  }
  return results;
}

/// A graph with f, run again and again.
class Function {
 public:
  Function(const std::vector<Array>& inputs, const Build& build, Knowledge knowledge) {
    const auto building = graph_.as_default();
    for (const Array& input : inputs) {
      placeholders_.push_back(placeholder(known_part(input.shape(), knowledge), {.dtype = input.dtype()}));
    }
    result_ = build(placeholders_);
  }

  Array operator()(const std::vector<Array>& inputs) { return run(inputs, {result_}).front(); }

  std::vector<Array> gradients(const std::vector<Array>& inputs, const Array& weights) {
    const auto building = graph_.as_default();
    return run(inputs, build_gradients(
                           placeholders_, [&](const std::vector<Tensor>&) { return result_; }, weights));
  }

 private:
  std::vector<Array> run(const std::vector<Array>& inputs, const std::vector<Tensor>& tensors) {
    FeedDict feeds;
    for (std::size_t i = 0; i < inputs.size(); ++i) feeds.add(placeholders_[i], inputs[i]);
    std::vector<Array> results(tensors.size());
    session_.run_into(feeds, std::vector<Fetch>(tensors.begin(), tensors.end()), results);
    return results;
  }

  Graph graph_;
  Session session_{graph_};
  std::vector<Tensor> placeholders_;
  Tensor result_;
};

double weighted_sum(const Array& values, const Array& weights) {
  double sum = 0;
  for (std::size_t i = 0; i < values.values<double>().size(); ++i) {
    sum += values.values<double>()[i] * weights.values<double>()[i];
  }
  return sum;
}

double largest_of(const Array& values) {
  double largest = 1;
  for (const double value : to_doubles(values)) largest = std::max(largest, std::fabs(value));
  return largest;
}

/// By central differences, one element after the other.
std::vector<Array> differences(std::vector<Array> inputs, Function& function, const Array& weights,
                               double step) {
  std::vector<Array> results;
  for (Array& input : inputs) {
    Array result(input.shape(), DType::float64);
    const Array given = input;
    for (std::size_t i = 0; i < result.values<double>().size(); ++i) {
      const double middle = given.values<double>()[i];
      const auto at = [&](double value) {
        input = given.copy();
        input.values<double>()[i] = value;
        return weighted_sum(function(inputs), weights);
      };
      result.values<double>()[i] = (at(middle + step) - at(middle - step)) / (2 * step);
    }
    input = given;
    results.push_back(std::move(result));
  }
  return results;
}

void check_near(const Array& actual, const Array& expected, double tolerance, const char* what) {
  BOOST_REQUIRE_MESSAGE(actual.shape() == expected.shape(),
                        what << " is " << actual.description() << ", not " << expected.description());
  const std::vector<double> is = to_doubles(actual);
  const std::vector<double> wanted = to_doubles(expected);
  for (std::size_t i = 0; i < is.size(); ++i) {
    if (std::fabs(is[i] - wanted[i]) <= tolerance) continue;  // not so for NaN
    BOOST_TEST(false, what << ": element " << i << " of " << actual.description() << " is " << is[i]
                           << ", but must be " << wanted[i] << " within " << tolerance);
    return;
  }
}

std::vector<Array> converted(const std::vector<Array>& arrays, DType dtype) {
  std::vector<Array> results;
  for (const Array& array : arrays) {
    Array values(array.shape(), DType::float64);
    const std::vector<double> elements = to_doubles(array);
    std::copy(elements.begin(), elements.end(), values.values<double>().begin());
    results.push_back(from_float64(values, dtype));
  }
  return results;
}

}  // namespace

std::vector<Array> weighted_gradients(const std::vector<Array>& inputs, const Build& build,
                                      const Array& weights) {
  return evaluate_many(inputs, [&](const std::vector<Tensor>& placeholders) {
    return build_gradients(placeholders, build, weights);
  });
}

void check_gradients(const std::vector<Array>& inputs, const Build& build, GradientCheckOptions options) {
  const std::vector<Array> narrow = converted(inputs, DType::float32);
  const std::vector<Array> wide = converted(narrow, DType::float64);
  Function judge(wide, build, Knowledge::all);
  const Array values = judge(wide);
  static std::uint64_t stream = 1000;
  Random random(++stream);
  const Array weights = random_array(random, values.shape(), DType::float64);
  const std::vector<Array> expected = differences(wide, judge, weights, options.step);
  double summed = 1;
  for (const double value : to_doubles(values)) summed += std::fabs(value);

  std::vector<Array> right;
  for (const Knowledge knowledge : {Knowledge::all, Knowledge::all_but_first, Knowledge::nothing}) {
    BOOST_TEST_CONTEXT("shapes " << name_of(knowledge)) {
      right = Function(wide, build, knowledge).gradients(wide, weights);
      for (std::size_t i = 0; i < right.size(); ++i) {
        const double tolerance = options.tolerance * std::max(summed, largest_of(expected[i]));
        check_near(right[i], expected[i], tolerance, "the gradient");
      }
    }
  }
  if (!options.float32) return;
  on_every_instruction_set(
      narrow,
      [&](const std::vector<Tensor>& placeholders) { return build_gradients(placeholders, build, weights); },
      [&](const std::vector<Array>& results) {
        for (std::size_t i = 0; i < results.size(); ++i) {
          BOOST_TEST((results[i].dtype() == DType::float32));
          check_near(results[i], right[i], options.float32_tolerance * largest_of(right[i]),
                     "the gradient in float32");
        }
      });
}

}  // namespace varscope::testing
