// SPDX-License-Identifier: Apache-2.0
#include "file_system.hpp"
#include "io/temporary_directory.hpp"

#include <varscope/error.hpp>

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

BOOST_AUTO_TEST_SUITE(test_file_system)

using namespace varscope;
using namespace varscope::io;
using varscope::testing::read_file;
using varscope::testing::TemporaryDirectory;
using varscope::testing::write_file;

static std::span<const std::byte> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

BOOST_AUTO_TEST_CASE(files_hold_what_is_written) {
  const TemporaryDirectory directory;
  FileSystem& files = posix_file_system();
  const std::string path = directory / "file";
  auto written = files.create(path);
  written->reserve(12);
  written->write_at(5, bytes_of("hello"));
  written->sync();
  written.reset();
  BOOST_TEST(read_file(path) == (std::string(5, '\0') + "hello" + std::string(2, '\0')));

  const auto opened = files.open(path);
  BOOST_TEST(opened->size() == 12u);
  std::string text(5, ' ');
  opened->read_at(5, std::as_writable_bytes(std::span(text)));
  BOOST_TEST(text == "hello");
  BOOST_CHECK_THROW(opened->read_at(8, std::as_writable_bytes(std::span(text))), DataLossError);

  BOOST_TEST(files.status(path)->size == 12u);
  BOOST_TEST(!files.status(path)->is_directory);
  BOOST_TEST(files.status(directory.path())->is_directory);
  BOOST_TEST(!files.status(directory / "nothing").has_value());
  BOOST_TEST(!files.status(path + "/below").has_value());

  files.rename(path, directory / "renamed");
  BOOST_TEST(files.list(directory.path()) == std::vector<std::string>{"renamed"},
             boost::test_tools::per_element());
  BOOST_CHECK_NO_THROW(files.sync_directory(directory.path()));
  files.remove(directory / "renamed");
  BOOST_TEST(files.list(directory.path()).empty());
}

BOOST_AUTO_TEST_CASE(what_is_no_regular_file_is_refused) {
  const TemporaryDirectory directory;
  FileSystem& files = posix_file_system();
  BOOST_CHECK_THROW(files.open(directory.path()), InvalidArgumentError);
  BOOST_CHECK_THROW(files.open("/dev/null"), InvalidArgumentError);
  const std::string pipe = directory / "pipe";
  BOOST_REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  BOOST_CHECK_THROW(files.open(pipe), InvalidArgumentError);  // and does not wait for a writer
}

BOOST_AUTO_TEST_CASE(what_a_living_writer_holds_is_not_abandoned) {
  const TemporaryDirectory directory;
  FileSystem& files = posix_file_system();
  const std::string path = directory / "file";
  auto writer = files.create(path);
  BOOST_TEST(!files.remove_if_abandoned(path));
  BOOST_TEST(files.status(path).has_value());
  writer.reset();
  BOOST_TEST(files.remove_if_abandoned(path));
  BOOST_TEST(!files.status(path).has_value());
  BOOST_TEST(!files.remove_if_abandoned(path));
  BOOST_TEST(!files.remove_if_abandoned(directory.path()));
  std::filesystem::create_symlink(directory / "elsewhere", path);
  write_file(directory / "elsewhere", "x");
  BOOST_TEST(!files.remove_if_abandoned(path));
}

BOOST_AUTO_TEST_CASE(a_killed_writer_has_abandoned_its_file) {
  const TemporaryDirectory directory;
  const std::string path = directory / "file";
  int ready[2];
  BOOST_REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    const auto writer = posix_file_system().create(path);
    const bool told = ::write(ready[1], "x", 1) == 1;
    for (;;) {
      if (!told) ::_exit(1);
      ::pause();
    }
  }
  char byte = 0;
  BOOST_REQUIRE(::read(ready[0], &byte, 1) == 1);
  BOOST_TEST(!posix_file_system().remove_if_abandoned(path));
  BOOST_REQUIRE(::kill(child, SIGKILL) == 0);
  BOOST_REQUIRE(::waitpid(child, nullptr, 0) == child);
  BOOST_TEST(posix_file_system().remove_if_abandoned(path));
  ::close(ready[0]);
  ::close(ready[1]);
}

BOOST_AUTO_TEST_CASE(errors_have_the_type_of_their_reason) {
  const TemporaryDirectory directory;
  FileSystem& files = posix_file_system();
  BOOST_CHECK_THROW(files.open(directory / "nothing"), NotFoundError);
  BOOST_CHECK_THROW(files.create(directory / "nothing" + "/file"), NotFoundError);
  BOOST_CHECK_THROW(files.remove(directory / "nothing"), NotFoundError);
  BOOST_CHECK_THROW(files.list(directory / "nothing"), NotFoundError);
  write_file(directory / "file", "x");
  BOOST_CHECK_THROW(files.create(directory / "file"), AlreadyExistsError);
  BOOST_CHECK_THROW(files.rename(directory / "file", directory.path()), Error);

  BOOST_CHECK_THROW(throw_system_error(ENOSPC, "write", "x"), ResourceExhaustedError);
  BOOST_CHECK_THROW(throw_system_error(EACCES, "open", "x"), FailedPreconditionError);
  BOOST_CHECK_THROW(throw_system_error(EIO, "read", "x"), DataLossError);
  BOOST_CHECK_THROW(throw_system_error(ENAMETOOLONG, "open", "x"), InvalidArgumentError);
  try {
    files.open(directory / "nothing");
  } catch (const Error& error) {
    BOOST_TEST(std::string(error.what()) ==
               "cannot open '" + (directory / "nothing") + "': No such file or directory");
  }
}

BOOST_AUTO_TEST_CASE(paths_are_taken_apart_and_joined) {
  BOOST_TEST(directory_of("a/b/c.h5") == "a/b");
  BOOST_TEST(directory_of("c.h5") == ".");
  BOOST_TEST(directory_of("/c.h5") == "/");
  BOOST_TEST(file_name_of("a/b/c.h5") == "c.h5");
  BOOST_TEST(file_name_of("c.h5") == "c.h5");
  BOOST_TEST(join_path("a", "b") == "a/b");
  BOOST_TEST(join_path("a/", "b") == "a/b");
  BOOST_TEST(join_path(".", "b") == "b");
  BOOST_TEST(join_path("a", "/b") == "/b");
}

BOOST_AUTO_TEST_SUITE_END()
