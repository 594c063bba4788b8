# SPDX-License-Identifier: Apache-2.0
"""varscope scopes, run as a user runs it. Argument: the varscope program."""

import os
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

import program_test

TUTORIAL = """\
variable_scope image_filters
  variable_scope conv1
    get_variable weights [5,5,32,32]
  end
  variable_scope conv1
    get_variable weights [5,5,32,32]
  end
  reuse_variables
  variable_scope conv1
    get_variable weights [5,5,32,32] as=w
    op identity w
  end
  get_variable missing [1]
end
current
"""

TUTORIAL_OUTPUT = """\
scope image_filters reuse=false ops=image_filters/
scope image_filters/conv1 reuse=false ops=image_filters/conv1/
variable image_filters/conv1/weights:0 float32 [5,5,32,32] new
scope image_filters/conv1 reuse=false ops=image_filters/conv1_1/
error ValueError
scope image_filters/conv1 reuse=true ops=image_filters/conv1_2/
variable image_filters/conv1/weights:0 float32 [5,5,32,32] shared
op image_filters/conv1_2/Identity
error ValueError
scope  reuse=false ops=
"""


class ScopesTest(program_test.ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    def written(self, text, name='program.txt'):
        with open(self.path(name), 'w', encoding='utf-8') as file:
            file.write(text)
        return self.path(name)

    def assert_prints(self, program, expected):
        self.assertEqual(self.output_of('scopes', self.written(program)).splitlines(), expected.splitlines())

    def test_tutorial(self):
        self.assertEqual(self.output_of('scopes', self.written(TUTORIAL)), TUTORIAL_OUTPUT)

    def test_standard_input(self):
        done = subprocess.run([self.program, 'scopes', '-'], input=TUTORIAL, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, TUTORIAL_OUTPUT, ''))

    def test_identifiers(self):
        self.assert_prints("""
            op identity nothing            # nobody defined it
            variable_scope @nothing
              get_variable unseen [1]
              variable_scope a
              end
            end
            value nothing
            call nothing
            get_variable v [2] initializer=0.5 as=v
            value v
            variable_scope @v              # a variable is no scope
            end
            variable_scope a as=a
              reuse_variables
            end
            variable_scope @a
            end
            name_scope @a
            end
            graph
            value v
            """, """\
skipped
skipped
skipped
skipped
variable v:0 float32 [2] new
value 0.5
skipped
scope a reuse=false ops=a/
scope a reuse=true ops=a/
ops a/
skipped
""")

    def test_run(self):
        self.assert_prints("""
            run nothing
            get_variable v [2] initializer=0.5 as=v
            run v                          # a variable is no op: value does it
            op assign_add v v as=more
            run more
            run more
            value v
            op assign more v               # only a variable can be assigned
            op global_variables_initializer as=init
            run init
            value v
            op identity init
            """, """\
skipped
variable v:0 float32 [2] new
skipped
op AssignAdd
result 1
result 2
value 2
skipped
op init
ran
value 0.5
skipped
""")

    def test_refused_block_skips_to_its_own_end(self):
        self.assert_prints("""
            variable_scope none reuse=true default=d
              variable_scope inner
              end
              get_variable unseen [1]
            end
            variable_scope none default=d
            end
            name_scope a:b
              current
            end
            current
            """, """\
error ValueError
scope d reuse=false ops=d/
error ValueError
scope  reuse=false ops=
""")

    def test_raise_leaves_all_blocks(self):
        self.assert_prints("""
            template t as=t
              raise
              get_variable unseen [1]
            end
            variable_scope a
              thread
                name_scope b
                  call t
                  current
                end
              end
              current
            end
            current
            raise
            current
            """, """\
scope a reuse=false ops=a/
ops b/
raised
scope  reuse=false ops=
raised
scope  reuse=false ops=
""")

    def test_templates(self):
        self.assert_prints("""
            template layer as=t
              get_variable w [1] as=w
              op add w w
            end
            call t
            call t
            """, """\
variable layer/w:0 float32 [1] new
op layer/add
variable layer/w:0 float32 [1] shared
op layer_1/add
""")

    def test_graphs(self):
        self.assert_prints("""
            get_variable v [1]
            with_graph
              get_variable v [1]
            end
            get_variable v [1]
            graph
            get_variable v [1]
            """, """\
variable v:0 float32 [1] new
variable v:0 float32 [1] new
error ValueError
variable v:0 float32 [1] new
""")

    def test_parts_and_constraints(self):
        self.assert_prints("""
            get_variable p [3,1] partitioner=2,1
            get_variable c [1] constraint=clip
            get_variable g [1] custom_getter=ema
            """, """\
partitioned p float32 [3,1] new parts=p/part_0:0[2,1],p/part_1:0[1,1]
variable c:0 float32 [1] new constraint=clip
variable g_ema:0 float32 [1] new
""")

    def test_values_and_collections(self):
        self.assert_prints("""
            get_variable i none initial_value=4 as=i
            value i
            get_variable l none initial_value=[1.5,2] as=l
            value l
            variable 7 name=step trainable=false as=step
            value step
            get_variable mine [1] collections=a,b trainable=false
            get_local_variable here [1]
            collection variables
            collection trainable_variables scope=i
            collection a
            collection local_variables
            collection none_of_these
            unique_name n
            unique_name n mark_as_used=false
            """, """\
variable i:0 int32 [] new
value 4
variable l:0 float32 [2] new
value 1.5
variable step:0 int32 [] new
value 7
variable mine:0 float32 [1] new
variable here:0 float32 [1] new
collection i:0 l:0 step:0
collection i:0
collection mine:0
collection here:0
collection
name n
name n_1
""")

    def test_regularizers(self):
        self.assert_prints("""
            variable_scope a regularizer=0.5
              get_variable v [1]
              get_variable w [1] regularizer=none
              set_regularizer none
              get_variable x [1]
            end
            collection regularization_losses
            get_variable y [1] regularizer=-1
            """, """\
scope a reuse=false ops=a/
variable a/v:0 float32 [1] new
variable a/w:0 float32 [1] new
variable a/x:0 float32 [1] new
collection a/v/Regularizer/l2_regularizer:0
error ValueError
""")

    def test_explain(self):
        lines = self.output_of('scopes', self.written('\nvariable_scope s\nget_variable v [1]\nget_variable v [1]\nend\n'),
                               '--explain').splitlines()
        self.assertEqual(lines[2], 'error ValueError')
        self.assertTrue(all(line.startswith('# ') for line in lines[3:]), msg=lines)
        self.assertIn('program.txt:3', ' '.join(lines[3:]))  # where the variable was made

    def test_wrong_programs(self):
        for program, expected in [
                ('current\n\n  variable_skope a\nend\n', [':3: ', "'variable_skope'", 'variable_scope', 'get_variable']),
                ('variable_scope a\n', [':1: ', "no 'end'"]),
                ('variable_scope a\nend\nend\n', [':3: ', "'end'"]),
                ('get_variable v\n', [':1: ', 'SHAPE']),
                ('get_variable v 3\n', [':1: ', "'3'", '[5,5,32,32]']),
                ('get_variable v [x]\n', [':1: ', "'x'"]),
                ('get_variable v [1] reuse=true\n', [':1: ', "'reuse=true'", 'initializer=']),
                ('variable_scope a reuse=maybe\nend\n', [':1: ', "'maybe'", 'true, false or auto']),
                ('get_variable v [1] dtype=float31\n', [':1: ', 'float31', 'float32']),
                ('op conv2d a\n', [':1: ', 'conv2d has 2 arguments, not 1']),
                ('op softmax a\n', [':1: ', "'softmax'", 'max_pool']),
                ('template t\nend\n', [':1: ', 'as=ID']),
                ('template t as=t\ncall t\nend\ncall t\n', [':2: ', 'call itself']),
                ('variable_scope a\n' * 101, [':101: '])]:
            with self.subTest(program=program[:60]):
                self.assert_refused(['scopes', self.written(program)], 'varscope: InvalidArgumentError: ',
                                    'program.txt', *expected)

    def test_wrong_command_lines(self):
        self.assert_refused(['scopes', self.path('absent.txt')], 'varscope: NotFoundError: ', 'absent.txt')
        self.assert_refused(['scopes'], 'file is required', status=2)
        self.assert_refused(['scopes', 'a', 'b'], 'varscope: InvalidArgumentError: ', "'b'", '--batch')

    def test_batch(self):
        batch = ('# two programs\nprogram tutorial\n' + TUTORIAL + 'expect\n' + TUTORIAL_OUTPUT + 'done\n\n'
                 'program nothing at all\nexpect\ndone\n')
        self.assertEqual(self.output_of('scopes', '--batch', self.written(batch)), '2 programs, 10 lines, 0 differ\n')

    def test_batch_that_differs(self):
        # Each in a graph of its own: a variable of the one before does not matter.
        batch = """\
program good
get_variable v [1]
expect
variable v:0 float32 [1] new
done
program other line
get_variable v [1]
current
expect
variable v:0 float32 [1] new
scope x reuse=false ops=
done
program too little
expect
raised
done
program too much
raise
expect
done
program broken

get_varable v
expect
done
"""
        done = self.assert_refused(['scopes', '--batch', self.written(batch)], 'varscope: FailedPreconditionError: ',
                                   '4 of 5')
        self.assertEqual(done.stdout.replace(self.folder.name + os.sep, '').splitlines()[:9], [
            'program.txt:11: program other line',
            '  expected  scope x reuse=false ops=',
            '  got       scope  reuse=false ops=',
            'program.txt:15: program too little',
            '  expected  raised',
            '  got       (nothing more)',
            'program.txt:20: program too much',
            '  expected  (nothing more)',
            '  got       raised'])
        self.assertIn("program.txt:23: no statement is called 'get_varable'", done.stdout)
        self.assertEqual(done.stdout.splitlines()[-1], '5 programs, 4 lines, 4 differ')
        done = self.assert_refused(['scopes', '--batch', '--show', '1', self.path('program.txt')], '4 of 5')
        self.assertEqual(len(done.stdout.splitlines()), 4)

    def test_wrong_batches(self):
        for text, expected in [('get_variable v [1]\n', [':1: ', "'program NAME'"]),
                               ('program a\ncurrent\n', [':2: ', "'a'", "'expect'"]),
                               ('program a\nexpect\n', [':2: ', "'a'", "'done'"])]:
            with self.subTest(text=text):
                self.assert_refused(['scopes', '--batch', self.written(text)],
                                    'varscope: InvalidArgumentError: ', *expected)

    def test_dot(self):
        text = self.output_of('scopes', '--dot', self.written(TUTORIAL))
        self.assertTrue(text.startswith('digraph '))
        self.assertEqual(text.count('{'), text.count('}'))
        for part in ['image_filters', 'ops image_filters/conv1/\\n', 'ops image_filters/conv1_2/', 'weights',
                     'float32 [5,5,32,32]', 'returned 2 times']:
            self.assertIn(part, text)

    def test_svg(self):
        picture = self.path('tree.svg')
        self.assertEqual(self.output_of('scopes', '--svg', picture, self.written(TUTORIAL)), TUTORIAL_OUTPUT)
        svg = '{http://www.w3.org/2000/svg}'
        root = xml.etree.ElementTree.parse(picture).getroot()
        self.assertEqual(root.tag, svg + 'svg')
        texts = [element.text for element in root.iter(svg + 'text')]
        for text in ['(root)', 'image_filters', 'conv1', 'ops image_filters/conv1/', 'ops image_filters/conv1_1/',
                     'ops image_filters/conv1_2/', 'weights', 'float32 [5,5,32,32], returned 2 times']:
            self.assertEqual(texts.count(text), 1, msg=text)
        # No two boxes lie on each other. The first rectangle is the ground.
        boxes = [[float(element.get(key)) for key in ('x', 'y', 'width', 'height')]
                 for element in list(root.iter(svg + 'rect'))[1:]]
        self.assertEqual(len(boxes), 4)
        for index, (x, y, width, height) in enumerate(boxes):
            self.assertLessEqual(x + width, float(root.get('width')))
            self.assertLessEqual(y + height, float(root.get('height')))
            for other_x, other_y, other_width, other_height in boxes[:index]:
                self.assertTrue(x >= other_x + other_width or other_x >= x + width or
                                y >= other_y + other_height or other_y >= y + height)

    def test_pictures_of_strange_programs(self):
        picture = self.path('strange.svg')
        for program, expected in [('', ['(root)']),
                                  ('variable_scope a.b//c\nget_variable v [1]\nend\n',
                                   ['a.b', '""', 'c', 'v']),
                                  ('get_variable a<b&"c"> [1]\n', ['(root)']),
                                  ('get_variable v [1]\ngraph\nget_variable v [1]\n', ['graph 1', 'graph 2', 'v'])]:
            with self.subTest(program=program):
                self.output_of('scopes', '--svg', picture, self.written(program))
                texts = [element.text for element in xml.etree.ElementTree.parse(picture).getroot().iter()]
                for text in expected:
                    self.assertIn(text, texts)

    def test_picture_that_cannot_be_written(self):
        self.assert_refused(['scopes', '--svg', self.path('absent/tree.svg'), self.written(TUTORIAL)],
                            'varscope: NotFoundError: ', 'absent/tree.svg')


if __name__ == '__main__':
    program_test.main()
