// SPDX-License-Identifier: Apache-2.0
// The same seeds give the same bits on every machine, instruction set and number of threads. The hashes are a
// promise: they must not change between machines, compilers or versions. VARSCOPE_PRINT_GOLDEN=1 prints those
// of this machine.
#include <varscope/varscope.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_initializer_bits)

namespace vs = varscope;

namespace {

constexpr std::uint64_t kGraphSeed = 42;
constexpr std::uint64_t kSeed = 7;

struct Golden {
  const char* name;
  vs::Initializer initializer;
  vs::Shape shape;
  std::vector<std::pair<vs::DType, std::uint64_t>> hashes;
};

vs::Initializer scaling(vs::FanMode mode, vs::VarianceDistribution distribution) {
  return vs::variance_scaling_initializer(
      {.scale = 1.7, .mode = mode, .distribution = distribution, .seed = kSeed});
}

/// Most have more elements than one thread takes at a time, and no round number of them.
std::vector<Golden> all_golden() {
  using enum vs::FanMode;
  using enum vs::VarianceDistribution;
  const vs::DType f32 = vs::float32, f64 = vs::float64;
  const vs::Shape large{7, 101, 151};
  return {
      {"zeros",
       vs::zeros_initializer(),
       large,
       {{f32, 0x9F51449CEAD45935U}, {f64, 0xB3A7EA8F7B2AFC45U}, {vs::boolean, 0xD7C7D1C3E6C9A54FU}}},
      {"ones",
       vs::ones_initializer(),
       large,
       {{f32, 0x38DA7E5DB97351F8U}, {f64, 0xCA20DB43D94A4478U}, {vs::uint8, 0xC6FA375493CCFD48U}}},
      {"constant",
       vs::constant_initializer({0.1, -2, 3}),
       large,
       {{f32, 0x54E9545E45852757U}, {f64, 0xB9E6B5DE0B073E8CU}}},
      {"uniform",
       vs::random_uniform_initializer(-0.1, 0.3, kSeed),
       large,
       {{f32, 0x757F8FFB7A81B680U}, {f64, 0xCD21FFF89D3FBF13U}}},
      {"uniform integers",
       vs::random_uniform_initializer(-10, 1000, kSeed),
       large,
       {{vs::int32, 0x5891F309C7765A5EU}, {vs::int64, 0x9832D317255B31BAU}}},
      {"normal",
       vs::random_normal_initializer(0.1, 0.3, kSeed),
       large,
       {{f32, 0x97DDAB02AE91AA5AU}, {f64, 0x924C1C4E7E0D856BU}}},
      {"truncated normal",
       vs::truncated_normal_initializer(0.1, 0.3, kSeed),
       large,
       {{f32, 0xED757FAB2D9D2C32U}, {f64, 0xAC1421CC9FEB2BAAU}}},
      {"uniform unit scaling",
       vs::uniform_unit_scaling_initializer(1.43, kSeed),
       large,
       {{f32, 0x1F1044A47202B231U}, {f64, 0x2775A1780E71F4D1U}}},
      {"fan_in uniform",
       scaling(fan_in, uniform),
       large,
       {{f32, 0x510978A0C7213FCFU}, {f64, 0xC48F9786422DB965U}}},
      {"fan_out uniform",
       scaling(fan_out, uniform),
       large,
       {{f32, 0xD8705BC618D0DF7CU}, {f64, 0xB8846F3C129E371BU}}},
      {"fan_avg uniform",
       scaling(fan_avg, uniform),
       large,
       {{f32, 0xD0C6F30B8476F516U}, {f64, 0xA4D51ABBB744170AU}}},
      {"fan_in normal",
       scaling(fan_in, untruncated_normal),
       large,
       {{f32, 0x604EE806E87D94F1U}, {f64, 0x4726338D960B5131U}}},
      {"fan_out normal",
       scaling(fan_out, untruncated_normal),
       large,
       {{f32, 0xC4404B88B1786231U}, {f64, 0x43D466771C4E8538U}}},
      {"fan_avg normal",
       scaling(fan_avg, untruncated_normal),
       large,
       {{f32, 0xE669F3C16563D3C2U}, {f64, 0x3D6A0CE641C0A026U}}},
      {"fan_in truncated",
       scaling(fan_in, truncated_normal),
       large,
       {{f32, 0x3768C5EB2FA0871AU}, {f64, 0xE3155DE8AA8FD4E4U}}},
      {"fan_out truncated",
       scaling(fan_out, truncated_normal),
       large,
       {{f32, 0x1CBC44410230D678U}, {f64, 0xC751F2006E7223F2U}}},
      {"fan_avg truncated",
       scaling(fan_avg, truncated_normal),
       large,
       {{f32, 0x0C462F16431981F3U}, {f64, 0x210941864D6BC634U}}},
      {"glorot uniform",
       vs::glorot_uniform_initializer(kSeed),
       large,
       {{f32, 0x1B8FDC010EE0E9F6U}, {f64, 0xA788FAC653E496EAU}}},
      {"glorot normal",
       vs::glorot_normal_initializer(kSeed),
       large,
       {{f32, 0x3B16446A308FD441U}, {f64, 0x3733EC44328A8F41U}}},
      {"he uniform",
       vs::he_uniform_initializer(kSeed),
       large,
       {{f32, 0x9E7C964F88E25DB8U}, {f64, 0x06EFFA0334ADC694U}}},
      {"he normal",
       vs::he_normal_initializer(kSeed),
       large,
       {{f32, 0x57002CEF82F428BAU}, {f64, 0x1934B85F813D983CU}}},
      {"lecun uniform",
       vs::lecun_uniform_initializer(kSeed),
       large,
       {{f32, 0x18D26473668CDE87U}, {f64, 0x97D64C36621D7C09U}}},
      {"lecun normal",
       vs::lecun_normal_initializer(kSeed),
       large,
       {{f32, 0x29C34BC8F81B9671U}, {f64, 0xE5EC93536D0F90DFU}}},
      {"identity",
       vs::identity_initializer(0.7),
       {301, 257},
       {{f32, 0xB0A7DC8D1E84E9BDU}, {f64, 0xB300B0F092E60C1AU}}},
      {"orthogonal tall",
       vs::orthogonal_initializer(1.1, kSeed),
       {301, 117},
       {{f32, 0x02835343BFF9AE5AU}, {f64, 0x567C96CE0D745D57U}}},
      {"orthogonal wide",
       vs::orthogonal_initializer(1.1, kSeed),
       {3, 5, 6, 130},
       {{f32, 0xF400EA8B857075EDU}, {f64, 0x81548B3C533A02F7U}}},
      {"delta orthogonal",
       vs::convolutional_delta_orthogonal_initializer(1.1, kSeed),
       {3, 5, 40, 131},
       {{f32, 0x4B2E71B4643870BBU}, {f64, 0x9E46E198840F5CBAU}}},
  };
}

/// FNV-1a, 64 bits, of the bytes (all machines that the library is for have the low byte first).
std::uint64_t hash_of(const vs::Array& array) {
  std::uint64_t state = 0xCBF29CE484222325U;
  for (std::size_t index = 0; index < array.num_bytes(); ++index) {
    state = (state ^ static_cast<const std::uint8_t*>(array.data())[index]) * 0x100000001B3U;
  }
  return state;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_initializer_gives_the_golden_bits) {
  const bool print = std::getenv("VARSCOPE_PRINT_GOLDEN") != nullptr;
  for (const Golden& golden : all_golden()) {
    for (const auto& [dtype, hash] : golden.hashes) {
      BOOST_TEST_CONTEXT(golden.name << " " << vs::dtype_name(dtype)) {
        const vs::Array array = golden.initializer(golden.shape, dtype, {kGraphSeed, kSeed});
        if (print) {
          std::printf("%s %s 0x%016llXU\n", golden.name, std::string(vs::dtype_name(dtype)).c_str(),
                      static_cast<unsigned long long>(hash_of(array)));
        }
        BOOST_TEST(hash_of(array) == hash);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(variables_have_them_on_every_instruction_set_and_any_number_of_threads) {
  const std::vector<Golden> all = all_golden();
  const std::string before(vs::instruction_set());
  for (const std::string& set : vs::available_instruction_sets()) {
    vs::set_instruction_set(set);
    for (const int threads : {1, 2, 4, 0}) {
      vs::Graph graph;
      const vs::Graph::AsDefault building = graph.as_default();
      vs::set_random_seed(kGraphSeed);
      std::vector<vs::Variable> variables;
      for (const Golden& golden : all) {
        for (const auto& [dtype, hash] : golden.hashes) {
          variables.push_back(vs::get_variable("v" + std::to_string(variables.size()), golden.shape,
                                               {.dtype = dtype, .initializer = golden.initializer}));
        }
      }
      vs::Session session(graph, {.intra_op_parallelism_threads = threads});
      const std::vector<vs::Array> values = session.read(variables);
      std::size_t position = 0;
      for (const Golden& golden : all) {
        for (const auto& [dtype, hash] : golden.hashes) {
          BOOST_TEST_CONTEXT(golden.name << " " << vs::dtype_name(dtype) << " on " << set << " with "
                                         << threads << " threads") {
            BOOST_TEST(hash_of(values[position]) == hash);
          }
          ++position;
        }
      }
    }
  }
  vs::set_instruction_set(before);
}

BOOST_AUTO_TEST_SUITE_END()
