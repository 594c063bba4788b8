// SPDX-License-Identifier: Apache-2.0
// What the tests of savers share: a small model, and the message that a call is refused with.
#pragma once

#include "io/named_arrays.hpp"
#include "support/messages.hpp"

#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace varscope::testing {

// Builds the variables of a small model into the default graph.
inline std::vector<Variable> make_model(std::int64_t channels = 3) {
  const auto scope = variable_scope("model");
  std::vector<Variable> variables;
  {
    const auto conv1 = variable_scope("conv1");
    variables.push_back(get_variable("weights", {2, 2, channels, 4}));
    variables.push_back(get_variable("biases", {4}, {.initializer = zeros_initializer()}));
  }
  variables.push_back(get_variable("count", {}, {.dtype = int64, .initializer = zeros_initializer()}));
  return variables;
}

// A graph of its own, with the model in it, and a session.
struct Model {
  Graph graph;
  Graph::AsDefault building{graph};
  std::vector<Variable> variables;
  Session session{graph};

  explicit Model(std::int64_t channels = 3) : variables(make_model(channels)) {}

  void randomize(Random& random) {
    std::vector<std::pair<Variable, Array>> values;
    for (const Variable& variable : variables) {
      values.emplace_back(variable, random_array(random, variable.shape(), variable.dtype()));
    }
    session.load(values);
  }
  std::vector<Array> values() { return session.read(variables); }
};

inline bool same_bits(const std::vector<Array>& a, const std::vector<Array>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Array& one, const Array& other) { return one.same_bits(other); });
}

template <typename Exception, typename Call>
std::string message_of(Call&& call) {
  try {
    call();
  } catch (const Exception& error) {
    return error.what();
  }
  BOOST_ERROR("the call has not thrown what it should");
  return {};
}

}  // namespace varscope::testing
