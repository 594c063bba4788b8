// SPDX-License-Identifier: Apache-2.0
// The table of kernel sets.
#include "support.hpp"

#include <set>
#include <string>

BOOST_AUTO_TEST_SUITE(test_kernel_set)

using namespace varscope::simd;

BOOST_AUTO_TEST_CASE(reference_is_last_and_always_runs) {
  const auto sets = built_kernel_sets();
  BOOST_TEST_REQUIRE(!sets.empty());
  BOOST_TEST(sets.back()->name == std::string_view("reference"));
  BOOST_TEST(supported(*sets.back()));
}

BOOST_AUTO_TEST_CASE(names_are_unique_and_found) {
  std::set<std::string> names;
  for (const KernelSet* kernels : built_kernel_sets()) {
    BOOST_TEST(names.insert(kernels->name).second);
    BOOST_TEST(find_kernel_set(kernels->name) == kernels);
  }
  for (const char* unknown : {"", "avx", "AVX2", "reference ", "avx5122"}) {
    BOOST_TEST(find_kernel_set(unknown) == nullptr);
  }
}

BOOST_AUTO_TEST_CASE(both_lists_of_instruction_sets_agree) {
  // BUILT_ISAS is the list of simd/meson.build, the table is made from isa_list.inc.
  std::string from_build = BUILT_ISAS;
  std::set<std::string> expected;
  for (std::size_t comma = 0; comma != std::string::npos;) {
    comma = from_build.find(',');
    expected.insert(from_build.substr(0, comma));
    if (comma != std::string::npos) from_build.erase(0, comma + 1);
  }
  std::set<std::string> built;
  for (const KernelSet* kernels : built_kernel_sets()) built.insert(kernels->name);
  BOOST_TEST(built == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(best_is_the_first_supported) {
  for (const KernelSet* kernels : built_kernel_sets()) {
    if (!supported(*kernels)) continue;
    BOOST_TEST(&best_kernel_set() == kernels);
    break;
  }
}

BOOST_AUTO_TEST_CASE(a_set_from_elsewhere_is_not_supported) {
  const KernelSet stranger;
  BOOST_TEST(!supported(stranger));
}

BOOST_AUTO_TEST_CASE(every_slot_is_filled) {
  for (const KernelSet* kernels : built_kernel_sets()) {
    BOOST_TEST_CONTEXT(kernels->name) {
      BOOST_TEST(kernels->vector_floats >= 1);
      const BatchNormKernels& b = kernels->batch_norm;
      BOOST_TEST((b.statistics != nullptr && b.normalize != nullptr));
      BOOST_TEST((b.gradient_sums != nullptr && b.gradient != nullptr));
      const ElementwiseKernels& e = kernels->elementwise;
      for (const UnaryFunction f :
           {e.abs, e.exp, e.log, e.neg, e.reciprocal, e.relu, e.rsqrt, e.sigmoid, e.sqrt, e.square, e.tanh}) {
        BOOST_TEST((f != nullptr));
      }
      for (const BinaryForms& f : {e.add, e.sub, e.mul, e.div, e.maximum, e.minimum}) {
        BOOST_TEST((f.vector_vector != nullptr && f.vector_scalar != nullptr && f.scalar_vector != nullptr));
      }
      BOOST_TEST((kernels->pooling.max_pool2d != nullptr && kernels->pooling.average_pool2d != nullptr));
      const ReduceKernels& r = kernels->reduce;
      BOOST_TEST((r.sum_rows != nullptr && r.mean_rows != nullptr && r.max_rows != nullptr));
      BOOST_TEST((r.sum_axis != nullptr && r.mean_axis != nullptr && r.max_axis != nullptr));
      BOOST_TEST((r.argmax_rows != nullptr));
      BOOST_TEST((kernels->softmax.softmax_rows != nullptr));
      BOOST_TEST((kernels->transpose.transpose_2d != nullptr));
    }
  }
}

BOOST_AUTO_TEST_CASE(cache_sizes_are_plausible) {
  const CacheSizes sizes = cache_sizes();
  BOOST_TEST(sizes.level1_data >= 4 * 1024);
  BOOST_TEST(sizes.level2 >= sizes.level1_data);
  BOOST_TEST(sizes.level3 > 0);
}

BOOST_AUTO_TEST_SUITE_END()
