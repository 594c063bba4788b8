// SPDX-License-Identifier: Apache-2.0
#include <varscope/dtype.hpp>
#include <varscope/error.hpp>

#include <boost/test/unit_test.hpp>

#include <set>
#include <string>

BOOST_AUTO_TEST_SUITE(test_error)

using varscope::Error;
using varscope::ErrorCode;

BOOST_AUTO_TEST_CASE(every_code_has_a_name_of_its_own) {
  std::set<std::string> names;
  const int last = static_cast<int>(ErrorCode::runtime);
  for (int code = 0; code <= last; ++code) {
    const std::string name(error_name(static_cast<ErrorCode>(code)));
    BOOST_TEST(name != "UnknownError");
    names.insert(name);
  }
  BOOST_TEST(names.size() == static_cast<std::size_t>(last) + 1);
}

BOOST_AUTO_TEST_CASE(types_and_codes_agree) {
  try {
    throw varscope::NotFoundError("no such thing");
  } catch (const Error& error) {
    BOOST_TEST((error.code() == ErrorCode::not_found));
    BOOST_TEST(error.what() == std::string("no such thing"));
    BOOST_TEST(error_name(error.code()) == "NotFoundError");
  }
  BOOST_CHECK_THROW(throw varscope::ValueError("x"), varscope::ValueError);
}

BOOST_AUTO_TEST_CASE(places) {
  const std::string here = to_string(varscope::SourceLocation::current());
  BOOST_TEST(here.find("test_error.cpp:") != std::string::npos);
  BOOST_TEST(to_string(varscope::SourceLocation{}) == "an unknown place");
}

BOOST_AUTO_TEST_CASE(dtype_names_go_both_ways) {
  using varscope::DType;
  for (DType dtype :
       {DType::float32, DType::float64, DType::int32, DType::int64, DType::uint8, DType::boolean}) {
    BOOST_TEST((varscope::dtype_from_name(dtype_name(dtype)) == dtype));
  }
  BOOST_CHECK_THROW(varscope::dtype_from_name("float31"), varscope::ValueError);
}

BOOST_AUTO_TEST_SUITE_END()
