// SPDX-License-Identifier: Apache-2.0
// Every system call of a save and of a restore in turn fails, is interrupted, or moves only a part; and at
// every one of a save the process is killed. Always the old checkpoint or the new one, nothing left behind, a
// clear error.
#include "checkpoint_series.hpp"
#include "checkpoint_state.hpp"
#include "checkpoint_writer.hpp"
#include "io/faulty_system_calls.hpp"
#include "io/named_arrays.hpp"
#include "io/temporary_directory.hpp"
#include "open_checkpoint.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <sys/wait.h>

BOOST_AUTO_TEST_SUITE(test_file_faults)

using namespace varscope;
using namespace varscope::testing;
using Fault = FaultySystemCalls::Fault;

namespace {

NamedArrays values_of(std::int64_t step) {
  const auto number = static_cast<float>(step);
  return {{"scope/v", Array::of<float>({2, 2}, {number, number + 1, number + 2, number + 3})},
          {"w", Array::scalar(number)},
          {"x", Array(Shape{1500}, float32)}};  // large enough to be compressed
}

/// What a Saver does: the checkpoint, its place in the state file, and the removal of the oldest one.
class Training {
 public:
  Training(io::FileSystem& files, std::string directory, int level = 0)
      : files_(files), directory_(std::move(directory)), level_(level), series_(files, 2, 10000, 0) {
    std::vector<std::string> paths;
    for (const std::string& name : io::posix_file_system().list(directory_)) {
      if (name.ends_with(".h5")) paths.push_back(directory_ + "/" + name);
    }
    series_.recover(paths);
  }

  void save(std::int64_t step) {
    const std::string path = directory_ + "/m-" + std::to_string(step) + ".h5";
    io::write_checkpoint(files_, path, values_of(step), {.global_step = step, .compression_level = level_});
    series_.add(path, "checkpoint", static_cast<double>(step));
  }

 private:
  io::FileSystem& files_;
  std::string directory_;
  int level_;
  io::CheckpointSeries series_;
};

/// Three steps as always, so that a fourth one removes the second.
void prepare(const TemporaryDirectory& directory, int level = 0) {
  for (std::int64_t step = 1; step <= 3; ++step)
    Training(io::posix_file_system(), directory.path(), level).save(step);
}

std::size_t calls_of_a_save(int level = 0) {
  const TemporaryDirectory directory;
  prepare(directory);
  FaultySystemCalls calls;
  const auto files = io::make_posix_file_system(calls);
  Training(*files, directory.path(), level).save(4);
  return calls.calls.size();
}

/// The newest checkpoint is whole and of one step, and so is every other one that is there.
std::int64_t check_directory(const std::string& directory) {
  const std::optional<std::string> latest = latest_checkpoint(directory);
  BOOST_REQUIRE(latest.has_value());
  const CheckpointReader reader(*latest);
  check_same(reader, values_of(*reader.global_step()));
  for (const std::string& name : io::posix_file_system().list(directory)) {
    if (!name.ends_with(".h5")) continue;
    const CheckpointReader other(directory + "/" + name);
    check_same(other, values_of(*other.global_step()));
  }
  return *reader.global_step();
}

std::size_t leftovers(const std::string& directory) {
  const std::vector<std::string> names = io::posix_file_system().list(directory);
  return static_cast<std::size_t>(std::count_if(names.begin(), names.end(), [](const std::string& name) {
    return name.find(".tmp-") != std::string::npos;
  }));
}

void fail_every_call_of_a_save(int level) {
  const std::size_t count = calls_of_a_save(level);
  BOOST_REQUIRE(count > 20);
  for (const int error_number : {ENOSPC, EIO, EACCES, EMFILE}) {
    for (std::size_t call = 0; call < count; ++call) {
      const TemporaryDirectory directory;
      prepare(directory, level);
      FaultySystemCalls calls(Fault::fails, call, error_number);
      const auto files = io::make_posix_file_system(calls);
      bool failed = false;
      BOOST_TEST_CONTEXT("call " << call << ", errno " << error_number) {
        try {
          Training(*files, directory.path(), level).save(4);
        } catch (const Error& error) {
          failed = true;
          const std::string message = error.what();
          BOOST_TEST(message.find(directory.path()) != std::string::npos);
          BOOST_TEST(message.find(std::strerror(error_number)) != std::string::npos);
        }
        const std::string name = call < calls.calls.size() ? calls.calls[call] : "none";
        BOOST_TEST_CONTEXT(name) {
          const std::int64_t step = check_directory(directory.path());
          BOOST_TEST((step == 3 || step == 4));
          if (!failed) BOOST_TEST(step == 4);
          BOOST_TEST(calls.open_descriptors == 0);
          BOOST_TEST(leftovers(directory.path()) == 0u);
        }
      }
    }
  }
}

void fail_every_call_of_a_restore(int level) {
  const TemporaryDirectory directory;
  prepare(directory, level);
  const std::string path = directory / "m-3.h5";
  const auto read = [&](FaultySystemCalls& calls) {
    const auto files = io::make_posix_file_system(calls);
    const detail::OpenCheckpoint checkpoint(*files, path);
    NamedArrays variables;
    for (const CheckpointEntry& entry : checkpoint.entries()) {
      Array array = Array::uninitialized(entry.shape, entry.dtype);
      checkpoint.read(entry, {static_cast<std::byte*>(array.data()), array.num_bytes()});
      variables.emplace_back(entry.name, array);
    }
    return variables;
  };
  FaultySystemCalls counting;
  BOOST_REQUIRE(same_bits(read(counting), values_of(3)));
  for (const int error_number : {EIO, ENOMEM, EACCES}) {
    for (std::size_t call = 0; call < counting.calls.size(); ++call) {
      if (counting.calls[call] == "close") continue;
      FaultySystemCalls calls(Fault::fails, call, error_number);
      BOOST_CHECK_EXCEPTION(read(calls), Error, [&](const Error& error) {
        return std::string(error.what()).find(path) != std::string::npos;
      });
      BOOST_TEST(calls.open_descriptors == 0);
    }
  }
  for (const Fault fault : {Fault::interrupted, Fault::partial}) {
    for (std::size_t call = 0; call < counting.calls.size(); ++call) {
      if (counting.calls[call] == "fstat") continue;  // never interrupted
      FaultySystemCalls calls(fault, call);
      BOOST_TEST(same_bits(read(calls), values_of(3)));
      BOOST_TEST(calls.open_descriptors == 0);
    }
  }
}

void kill_at_every_call_of_a_save(int level) {
  const std::size_t count = calls_of_a_save(level);
  std::size_t old_ones = 0;
  for (std::size_t call = 0; call < count; ++call) {
    const TemporaryDirectory directory;
    prepare(directory, level);
    const pid_t child = ::fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
      FaultySystemCalls calls(Fault::kills, call);
      const auto files = io::make_posix_file_system(calls);
      Training(*files, directory.path(), level).save(4);
      ::_exit(0);
    }
    int status = 0;
    BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
    BOOST_TEST((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
    BOOST_TEST_CONTEXT("call " << call) {
      const std::int64_t step = check_directory(directory.path());
      BOOST_TEST((step == 3 || step == 4));
      if (step == 3) ++old_ones;
      // The next one goes on as if nothing had been, and cleans up.
      Training(io::posix_file_system(), directory.path(), level).save(5);
      BOOST_TEST(check_directory(directory.path()) == 5);
      BOOST_TEST(leftovers(directory.path()) == 0u);
    }
  }
  BOOST_TEST(old_ones > 0u);
  BOOST_TEST(old_ones < count);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_failing_call_of_a_save_loses_nothing) {
  fail_every_call_of_a_save(0);
  fail_every_call_of_a_save(1);  // compressed
}

BOOST_AUTO_TEST_CASE(an_interrupted_or_partial_call_of_a_save_is_no_failure) {
  const std::size_t count = calls_of_a_save();
  for (const Fault fault : {Fault::interrupted, Fault::partial}) {
    std::size_t done = 0;
    for (std::size_t call = 0; call < count; ++call) {
      const TemporaryDirectory directory;
      prepare(directory);
      FaultySystemCalls calls(fault, call);
      const auto files = io::make_posix_file_system(calls);
      try {
        Training(*files, directory.path()).save(4);
        ++done;
        BOOST_TEST(check_directory(directory.path()) == 4);
      } catch (const Error& error) {  // a rename may have happened and still say EINTR: not to be repeated
        BOOST_TEST((fault == Fault::interrupted), error.what());
        const std::string& name = calls.calls[call];
        BOOST_TEST((name == "rename" || name == "fstat"), name);
        check_directory(directory.path());
      }
      BOOST_TEST(calls.open_descriptors == 0);
      BOOST_TEST(leftovers(directory.path()) == 0u);
    }
    BOOST_TEST(done + 4 >= count);
  }
}

BOOST_AUTO_TEST_CASE(a_failing_call_of_a_restore_changes_nothing) {
  fail_every_call_of_a_restore(0);
  fail_every_call_of_a_restore(1);
}

BOOST_AUTO_TEST_CASE(killed_at_any_call_of_a_save_it_leaves_the_old_or_the_new) {
  kill_at_every_call_of_a_save(0);
  kill_at_every_call_of_a_save(1);
}

BOOST_AUTO_TEST_SUITE_END()
