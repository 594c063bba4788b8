# SPDX-License-Identifier: Apache-2.0
"""varscope bench conv and varscope info, run as a user runs them. Arguments: the program."""

import json
import os
import tempfile
import unittest

import program_test

HEADER = 'name,n,h,w,c,k,r,s,stride,pad,groups,dilation\n'
LAYERS = HEADER + """\
# comments and empty lines are skipped

plain_5x5,2,9,11,8,12,5,5,1,same,1,1
strided,1,13,7,4,6,3,3,2,valid,1,1
pointwise,1,8,8,16,24,1,1,1,same,1,1
depthwise,1,10,10,8,8,3,3,1,same,8,1
grouped_dilated,1,12,12,8,12,3,3,1,same,4,2
"""
KEYS = ['name', 'algorithm', 'isa', 'threads', 'ms', 'gflops', 'max_error', 'peer', 'peer_gflops']


class BenchTest(program_test.ProgramTest):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.layers = self.write('layers.csv', LAYERS)

    def write(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, 'w', encoding='ascii') as file:
            file.write(text)
        return path

    def bench(self, *arguments):
        output = self.output_of('bench', 'conv', '--layers', self.layers, '--json', '--seconds', '0', *arguments)
        return [json.loads(line) for line in output.splitlines()]

    def instruction_sets(self):
        for line in self.output_of('info').splitlines():
            if line.startswith('instruction set'):
                return line.split('available: ')[1].split(';')[0].split(', ')
        raise AssertionError('varscope info lists no instruction sets')

    def check(self, measured, isa, threads):
        self.assertEqual(list(measured), KEYS)
        self.assertEqual(measured['isa'], isa)
        self.assertEqual(measured['threads'], threads)
        self.assertGreater(measured['ms'], 0)
        self.assertGreater(measured['gflops'], 0)
        self.assertLess(measured['max_error'], 1e-4 if measured['algorithm'].startswith('winograd') else 1e-5)
        self.assertIsInstance(measured['algorithm'], str)
        self.assertNotIn(measured['algorithm'], ['', 'automatic', 'unknown'])

    def test_json_on_every_instruction_set(self):
        sets = self.instruction_sets()
        self.assertEqual(sets[-1], 'reference')
        for isa in sets:
            with self.subTest(isa=isa):
                rows = self.bench('--isa', isa)
                self.assertEqual([row['name'] for row in rows],
                                 ['plain_5x5', 'strided', 'pointwise', 'depthwise', 'grouped_dilated'])
                for row in rows:
                    self.check(row, isa, 1)
                    self.assertIsNone(row['peer'])
                    self.assertIsNone(row['peer_gflops'])

    def test_only_and_algorithm(self):
        rows = self.bench('--only', 'p*', '--algorithm', 'reference')
        self.assertEqual([(row['name'], row['algorithm']) for row in rows],
                         [('plain_5x5', 'reference'), ('pointwise', 'reference')])

    def test_all_algorithms_are_compared(self):
        rows = self.bench('--algorithm', 'all', '--details', '--only', 'p*')
        self.assertEqual(list(rows[0]), KEYS + ['picked', 'peak_gflops'])
        for row in rows:
            self.assertLess(row['max_error'], 1e-4 if row['algorithm'].startswith('winograd') else 1e-5)
        for layer, possible in [('plain_5x5', 'direct'), ('pointwise', 'pointwise')]:
            algorithms = [row['algorithm'] for row in rows if row['name'] == layer]
            self.assertIn(possible, algorithms)
            self.assertNotIn('depthwise', algorithms)
            self.assertEqual(len(algorithms), len(set(algorithms)))
            picked = [row['algorithm'] for row in rows if row['name'] == layer and row['picked']]
            self.assertEqual(picked, algorithms[:1])
            automatic = self.bench('--only', layer)[0]
            self.assertEqual(automatic['algorithm'], picked[0])

    def test_time_and_speed_are_of_one_run(self):
        row = self.bench('--only', 'plain_5x5')[0]
        operations = 2 * 2 * 9 * 11 * 12 * 8 * 5 * 5
        self.assertAlmostEqual(row['gflops'] * row['ms'] * 1e6 / operations, 1, places=2)

    def test_peer(self):
        if 'VARSCOPE_TEST_WITHOUT_PEER' in os.environ:
            self.skipTest('the peer is left out in this build')
        if 'built without' in self.output_of('info'):
            self.assert_refused(['bench', 'conv', '--layers', self.layers, '--peer', 'onednn'], 'libdnnl-dev')
            self.skipTest('this build has no oneDNN')
        for row in self.bench('--peer', 'onednn'):
            self.assertEqual(list(row), KEYS)
            self.assertEqual(row['peer'], 'onednn')
            self.assertGreater(row['peer_gflops'], 0)

    def test_table(self):
        output = self.output_of('bench', 'conv', '--layers', self.layers, '--seconds', '0', '--only', 'strided')
        lines = output.splitlines()
        self.assertIn('1 thread', lines[0])
        self.assertEqual(lines[2].split()[:3], ['layer', 'algorithm', 'ms'])
        self.assertEqual(lines[4].split()[0], 'strided')
        self.assertIn('100%', lines[4])

    def test_missing_file(self):
        self.assert_refused(['bench', 'conv', '--layers', 'no/such.csv'],
                            'varscope: NotFoundError: ', "'no/such.csv'", HEADER.strip())

    def test_malformed_lines_are_named(self):
        for line, complaint in [
                ('short,1,2,3', 'expected 12 columns'),
                ('a,1,8,8,4,4,3,3,1,same,1,x', "dilation must be a whole number from 1 to 1000000, not 'x'"),
                ('a,0,8,8,4,4,3,3,1,same,1,1', "n must be a whole number from 1 to 1000000, not '0'"),
                ('a,1,-8,8,4,4,3,3,1,same,1,1', "h must be a whole number from 1 to 1000000, not '-8'"),
                ('a,1,8,8,4,4,3,3,99999999999999999999,same,1,1', 'stride must be a whole number'),
                ('a,1,8,8,4,4,3,3,1,full,1,1', "pad must be 'same' or 'valid', not 'full'"),
                ('a,1,8,8,4,6,3,3,1,same,4,1', 'must be multiples of groups = 4'),
                ('a,1,8,8,4,4,9,9,1,valid,1,1', 'the filter is larger than the image'),
                (',1,8,8,4,4,3,3,1,same,1,1', 'the name is empty')]:
            with self.subTest(line=line):
                path = self.write('bad.csv', HEADER + 'good,1,8,8,4,4,3,3,1,same,1,1\n' + line + '\n')
                done = self.assert_refused(['bench', 'conv', '--layers', path],
                                           'varscope: InvalidArgumentError: ' + path + ':3: ', complaint)
                self.assertEqual(done.stdout, '')

    def test_file_without_header_or_layers(self):
        path = self.write('bad.csv', 'a,1,8,8,4,4,3,3,1,same,1,1\n')
        self.assert_refused(['bench', 'conv', '--layers', path], path + ':1: expected the header')
        path = self.write('empty.csv', '')
        self.assert_refused(['bench', 'conv', '--layers', path], path + ': no layers')

    def test_unknown_names(self):
        base = ['bench', 'conv', '--layers', self.layers]
        self.assert_refused(base + ['--isa', 'avx1024'], 'varscope: ValueError: ', 'avx1024', 'reference')
        self.assert_refused(base + ['--algorithm', 'magic'], 'varscope: ValueError: --algorithm magic: ', 'all, automatic, direct')
        self.assert_refused(base + ['--only', 'zzz*'], 'varscope: NotFoundError: ', 'zzz*', 'plain_5x5')
        self.assert_refused(base + ['--peer', 'mkl'], 'mkl', 'onednn', status=2)
        self.assert_refused(base + ['--threads', 'many'], 'many', status=2)
        self.assert_refused(base + ['--threads', '1000'], 'varscope: InvalidArgumentError: ', '--threads 1000')

    def test_algorithm_that_cannot_do_the_layer(self):
        self.assert_refused(['bench', 'conv', '--layers', self.layers, '--only', 'plain_5x5', '--algorithm', 'depthwise'],
                            'varscope: UnimplementedError: ', 'depthwise')

    def test_unknown_environment_isa(self):
        self.assert_refused(['info'], 'varscope: ValueError: ', 'VARSCOPE_ISA', 'pentium',
                            environment={**os.environ, 'VARSCOPE_ISA': 'pentium'})

    def test_environment_isa(self):
        done = self.run_program('info', environment={**os.environ, 'VARSCOPE_ISA': 'reference'})
        self.assertEqual(done.returncode, 0)
        self.assertIn('instruction set   reference', done.stdout)

    def test_help_teaches(self):
        for command in [[], ['bench'], ['bench', 'conv'], ['info'], ['inspect']]:
            with self.subTest(command=command):
                output = self.output_of(*command, '--help')
                self.assertIn('Example', output)
                self.assertIn(' '.join(['  varscope'] + command), output)

    def test_wrong_command_lines(self):
        self.assert_refused([], 'subcommand', status=2)
        self.assert_refused(['bench'], 'subcommand', status=2)
        self.assert_refused(['bench', 'conv'], '--layers', status=2)
        self.assert_refused(['explode'], 'explode', status=2)

    def test_version(self):
        self.assertRegex(self.output_of('--version'), r'^varscope \d+\.\d+\.\d+\n$')


if __name__ == '__main__':
    program_test.main()
