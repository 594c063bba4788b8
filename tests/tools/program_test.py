# SPDX-License-Identifier: Apache-2.0
"""What the tests of the varscope program share: running it, and judging how it refuses."""

import subprocess
import sys
import unittest


class ProgramTest(unittest.TestCase):
    """Tests of one program; `program` is set by main()."""

    program = None

    def run_program(self, *arguments, environment=None):
        return subprocess.run([self.program, *arguments], capture_output=True, text=True, timeout=300, env=environment)

    def output_of(self, *arguments):
        done = self.run_program(*arguments)
        self.assertEqual(done.returncode, 0, msg=done.stderr)
        self.assertEqual(done.stderr, '')
        return done.stdout

    def assert_refused(self, arguments, *expected, status=1, environment=None):
        """The program ends with the status, prints nothing but one message, and the message has these parts."""
        done = self.run_program(*arguments, environment=environment)
        self.assertEqual(done.returncode, status, msg=done.stdout + done.stderr)
        for part in expected:
            self.assertIn(part, done.stderr)
        return done


def main():
    """Called by each test: the program's path is the last argument."""
    ProgramTest.program = sys.argv.pop()
    unittest.main(verbosity=2)
