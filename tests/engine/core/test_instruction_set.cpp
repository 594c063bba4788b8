// SPDX-License-Identifier: Apache-2.0
#include "support/evaluate.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <string>

BOOST_AUTO_TEST_SUITE(test_instruction_set)

namespace vs = varscope;
using namespace varscope::testing;

// The first test of this program: the environment is read when the choice is first needed.
BOOST_AUTO_TEST_CASE(an_unknown_name_in_the_environment_is_refused_with_the_list) {
  ::setenv("VARSCOPE_ISA", "mmx", 1);
  check_says(message_of<vs::ValueError>([] { vs::instruction_set(); }),
             {"VARSCOPE_ISA", "'mmx'", "reference"});
  ::setenv("VARSCOPE_ISA", "reference", 1);
  BOOST_TEST(vs::instruction_set() == "reference");
  ::unsetenv("VARSCOPE_ISA");
  BOOST_TEST(vs::instruction_set() == "reference");  // read once
}

BOOST_AUTO_TEST_CASE(each_available_set_can_be_chosen) {
  const std::vector<std::string> available = vs::available_instruction_sets();
  BOOST_TEST_REQUIRE(!available.empty());
  BOOST_TEST(available.back() == "reference");
  for (const std::string& name : available) {
    vs::set_instruction_set(name);
    BOOST_TEST(vs::instruction_set() == name);
  }
}

BOOST_AUTO_TEST_CASE(an_unknown_name_is_refused_and_changes_nothing) {
  const std::string before(vs::instruction_set());
  for (const char* name : {"", "AVX2", "avx1024"}) {
    check_says(message_of<vs::ValueError>([&] { vs::set_instruction_set(name); }),
               {"set_instruction_set", "'" + std::string(name) + "'", "reference"});
    BOOST_TEST(vs::instruction_set() == before);
  }
}

BOOST_AUTO_TEST_SUITE_END()
