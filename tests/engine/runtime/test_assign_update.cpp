// SPDX-License-Identifier: Apache-2.0
// Operations that set several variables from one kernel.
#include "graph/operation_builder.hpp"
#include "ops/range_kernel.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_assign_update)

namespace vs = varscope;
using vs::detail::TensorSpec;

namespace {

/// sum, last = sum + factor * x, x: of the variables sum, last and factor, which it only reads.
class Accumulate final : public vs::detail::OpDefinition {
 public:
  Accumulate(const vs::Variable& sum, const vs::Variable& last, const vs::Variable& factor)
      : variables_{sum.record(), last.record(), factor.record()} {}

  std::string_view type() const noexcept override { return "Accumulate"; }
  vs::detail::OpRole role() const noexcept override { return vs::detail::OpRole::assign_update; }
  std::span<const vs::detail::VariableRecord* const> variables() const noexcept override {
    return variables_;
  }
  std::vector<TensorSpec> infer(std::span<const TensorSpec> inputs) const override {
    return {inputs[0], inputs[1]};
  }
  std::unique_ptr<vs::detail::Kernel> make_kernel(std::span<const TensorSpec> inputs,
                                                  std::span<const TensorSpec>) const override {
    return vs::detail::make_range_kernel(
        {.items = inputs[0].shape.num_elements()},
        [](std::int64_t first, std::int64_t end, const vs::detail::KernelArguments& arguments) noexcept {
          const float factor = *vs::detail::input<float>(arguments, 2);
          for (std::int64_t i = first; i < end; ++i) {
            const float x = vs::detail::input<float>(arguments, 3)[i];
            vs::detail::output<float>(arguments, 0)[i] =
                vs::detail::input<float>(arguments, 0)[i] + factor * x;
            vs::detail::output<float>(arguments, 1)[i] = x;
          }
          return static_cast<const char*>(nullptr);
        });
  }

 private:
  const std::vector<const vs::detail::VariableRecord*> variables_;
};

vs::Array pair_of(float first, float second) {
  return vs::Array::of<float>({2}, {first, second});
}

struct Fixture {
  vs::Graph graph;
  vs::Graph::AsDefault building = graph.as_default();
  vs::Session session{graph};
  vs::Variable sum = vs::get_variable("sum", {2}, {.initializer = vs::zeros_initializer()});
  vs::Variable last = vs::get_variable("last", {2}, {.initializer = vs::ones_initializer()});
  vs::Variable factor = vs::get_variable("factor", {}, {.initializer = vs::constant_initializer(10.0)});

  vs::Operation accumulate(const vs::Tensor& x) {
    const vs::TensorLike sum_ref(sum.op().output(0));
    const vs::TensorLike last_ref(last.op().output(0));
    const vs::TensorLike factor_ref(factor.op().output(0));
    const vs::TensorLike value(x);
    return vs::detail::add_operation(
        {.definition = std::make_shared<Accumulate>(sum, last, factor),
         .inputs = {{"sum", &sum_ref}, {"last", &last_ref}, {"factor", &factor_ref}, {"x", &value}},
         .default_name = "Accumulate"});
  }
  void check(const vs::Array& expected_sum, const vs::Array& expected_last) {
    const std::vector<vs::Array> values = session.read({sum, last});
    BOOST_TEST(values[0].same_bits(expected_sum));
    BOOST_TEST(values[1].same_bits(expected_last));
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(several_variables, Fixture)

BOOST_AUTO_TEST_CASE(all_outputs_become_variables_in_one_commit) {
  const vs::Operation step = accumulate(vs::constant(pair_of(1, 2)));
  const auto [new_sum, new_last, old_last] = session.run({step.output(0), step.output(1), last});
  BOOST_TEST(new_sum.same_bits(pair_of(10, 20)));
  BOOST_TEST(new_last.same_bits(pair_of(1, 2)));
  BOOST_TEST(old_last.same_bits(pair_of(1, 1)));
  check(pair_of(10, 20), pair_of(1, 2));
  (void)session.run(step);  // the operation alone
  check(pair_of(20, 40), pair_of(1, 2));
  (void)session.run(step.output(1));  // one output: the others are set all the same
  check(pair_of(30, 60), pair_of(1, 2));
}

BOOST_AUTO_TEST_CASE(every_variable_is_as_assignments_before_have_made_it) {
  const vs::Operation first = accumulate(vs::constant(pair_of(1, 2)));
  const vs::Operation second = accumulate(vs::constant(pair_of(3, 4)));
  const vs::Tensor set_factor = vs::assign(factor, 100.0F);
  (void)session.run({first, second});
  check(pair_of(40, 60), pair_of(3, 4));
  (void)session.run({set_factor, second, vs::assign(last, pair_of(7, 8))});
  check(pair_of(340, 460), pair_of(7, 8));
  (void)session.run({second, vs::assign(factor, 1.0F)});
  check(pair_of(640, 860), pair_of(3, 4));
}

BOOST_AUTO_TEST_CASE(an_output_that_is_fed_keeps_what_was_fed_and_the_variable_does_not) {
  const vs::Operation step = accumulate(vs::constant(pair_of(1, 2)));
  const vs::Tensor twice = step.output(0) * 2.0F;
  const auto [product, ignored] = session.run({{step.output(0), pair_of(5, 6)}}, {twice, step.output(1)});
  BOOST_TEST(product.same_bits(pair_of(10, 12)));
  check(pair_of(10, 20), pair_of(1, 2));
}

BOOST_AUTO_TEST_CASE(a_variable_that_is_only_read_stays) {
  (void)session.run(accumulate(vs::constant(pair_of(1, 2))));
  BOOST_TEST(session.read({factor})[0].item() == 10.0);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
