// SPDX-License-Identifier: Apache-2.0
#include "support/messages.hpp"

#include <varscope/array.hpp>
#include <varscope/error.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <memory>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_array)

using varscope::Array;
using varscope::DType;
using varscope::Shape;
using varscope::testing::contains;

BOOST_AUTO_TEST_CASE(new_arrays_are_zero_and_aligned) {
  for (DType dtype :
       {DType::float32, DType::float64, DType::int32, DType::int64, DType::uint8, DType::boolean}) {
    const Array array({3, 5}, dtype);
    BOOST_TEST(array.num_elements() == 15);
    BOOST_TEST(array.num_bytes() == 15 * dtype_size(dtype));
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(array.data()) % Array::alignment == 0U);
    for (std::size_t i = 0; i < array.num_bytes(); ++i)
      BOOST_TEST(static_cast<const char*>(array.data())[i] == 0);
  }
}

BOOST_AUTO_TEST_CASE(values_row_major) {
  const auto array = Array::of<std::int32_t>({2, 3}, {1, 2, 3, 4, 5, 6});
  BOOST_TEST(array.values<std::int32_t>()[4] == 5);
  BOOST_TEST(array.description() == "int32[2,3]");
  BOOST_CHECK_EXCEPTION(array.values<float>(), varscope::TypeError, [](const auto& error) {
    return contains(error, {"int32[2,3]", "float32"});
  });
  BOOST_CHECK_EXCEPTION(Array::of<float>({2, 2}, {1, 2, 3}), varscope::ValueError, [](const auto& error) {
    return contains(error, {"[2,2]", "4", "3"});
  });
}

BOOST_AUTO_TEST_CASE(copies_share_and_copy_separates) {
  auto array = Array::of<float>({2}, {1, 2});
  Array shared = array;
  BOOST_TEST(!array.unique());
  const Array separate = array.copy();
  array.values<float>()[0] = 7;
  BOOST_TEST(shared.values<float>()[0] == 7);
  BOOST_TEST(separate.values<float>()[0] == 1);
  BOOST_TEST(separate.unique());
}

BOOST_AUTO_TEST_CASE(same_elements_under_another_shape) {
  const auto array = Array::of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  const Array flat = array.reshaped({6});
  BOOST_TEST(flat.data() == array.data());
  BOOST_TEST((flat.shape() == Shape{6}));
  BOOST_CHECK_EXCEPTION(array.reshaped({4}), varscope::ValueError, [](const auto& error) {
    return contains(error, {"float32[2,3]", "[4]"});
  });
}

BOOST_AUTO_TEST_CASE(bits_not_values_are_compared) {
  BOOST_TEST(!Array::scalar(0.0f).same_bits(Array::scalar(-0.0f)));
  BOOST_TEST(Array::of<float>({1}, {3}).same_bits(Array::of<float>({1}, {3})));
  BOOST_TEST(!Array::of<float>({1}, {3}).same_bits(Array::of<float>({1, 1}, {3})));
  BOOST_TEST(!Array({1}, DType::float32).same_bits(Array({1}, DType::int32)));
}

BOOST_AUTO_TEST_CASE(one_element_as_a_number) {
  BOOST_TEST(Array::scalar(2.5f).item() == 2.5);
  BOOST_TEST(Array::scalar<std::int64_t>(-7).item() == -7.0);
  BOOST_TEST(Array::of<float>({1, 1}, {4}).item() == 4.0);
  BOOST_CHECK_THROW(static_cast<void>(Array({2}).item()), varscope::ValueError);
}

BOOST_AUTO_TEST_CASE(shapes_that_no_memory_can_hold) {
  BOOST_CHECK_THROW(Array({-1, 2}), varscope::ValueError);
  BOOST_CHECK_THROW(Array({std::int64_t{1} << 61, 1}, DType::float64), varscope::ValueError);
  BOOST_CHECK_THROW(Array::uninitialized({std::int64_t{1} << 60}, DType::uint8),
                    varscope::ResourceExhaustedError);
}

BOOST_AUTO_TEST_CASE(memory_of_somebody_else) {
  auto owner = std::make_shared<std::vector<float>>(std::vector<float>{1, 2, 3});
  std::weak_ptr<std::vector<float>> alive = owner;
  {
    const Array array = Array::wrap({3}, DType::float32, owner->data(), owner);
    owner.reset();
    BOOST_TEST(array.values<float>()[2] == 3);
    BOOST_TEST(!alive.expired());
  }
  BOOST_TEST(alive.expired());
}

BOOST_AUTO_TEST_SUITE_END()
