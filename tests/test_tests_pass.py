"""Generated Python against given tests: what passes, what fails, and what is no score at all."""

import threading

import pytest
from code_sandbox import RAN, judged, part, refusal

from assent.errors import RewardError, UserError
from assent.rewards.sandbox import Limits, verdicts
from assent.rewards.tests_pass import code_in


@pytest.fixture(scope="module")
def sandbox():
    why = refusal()
    if why:
        pytest.skip(why)


SQUARE = [{"input_text": "square", "tests": ["assert f(3) == 9", "assert f(-2) == 4", "assert f(0) == 0"]}]


@pytest.mark.usefixtures("sandbox")
def test_the_share_of_tests_that_pass(tmp_path):
    answers = [
        "def f(x): return x * x",
        "Sure:\n```python\ndef f(x):\n    return 3 * x\n```\nIt triples.",  # right for 3 and for 0
        "def f(x): return x *",
        "",
    ]
    rows = SQUARE
    assert part(tmp_path, rows, workers=4).raw(["square"] * 4, answers) == [
        1.0,
        pytest.approx(2 / 3),
        0.0,
        0.0,
    ]
    assert part(tmp_path, rows, score="all").raw(["square"] * 2, answers[:2]) == [1.0, 0.0]


def test_code_in_a_fence():
    assert code_in("x = 1") == "x = 1"
    assert code_in("a\n```python\nx = 1\n```\nb\n```python\ny = 2\n```") == "x = 1\n"
    assert code_in("```sh\nls\n```\n```\nx = 1\n```") == "x = 1\n"
    assert code_in("```py title=a.py\nx = 1\n") == "x = 1\n"  # cut off by the length limit


# --- values and objects that cross from one process to the other ---------------------------------


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(
    ("code", "test"),
    [
        ("def f(x): x.sort(); x.append(9)", "a = [2, 1]\nf(a)\nassert a == [1, 2, 9]"),
        ("def f(d): d['b'] = {1}", "d = {}\nf(d)\nassert d == {'b': {1}}"),
        ("def f(g, xs): return [g(x) for x in xs]", "assert f(lambda x: x + 1, (1, 2)) == [2, 3]"),
        ("def f(n):\n  yield from range(n)", "assert list(f(3)) == [0, 1, 2] and next(f(1)) == 0"),
        ("def f(x): raise KeyError(x)", "try:\n  f(1)\nexcept LookupError:\n  pass\nelse:\n  assert False"),
        ("def f(x): return x, {x: [x]}, {x}", "assert f(2) == (2, {2: [2]}, {2})"),
        ("def f(): return None, b'x', 1j, 1.5, True", "assert f() == (None, b'x', 1j, 1.5, True)"),
        ("from math import inf\ndef f(): return inf, -inf", "assert f()[0] > 0 > f()[1]"),
        ("from collections import Counter as C\ndef f(s): return C(s)", "assert f('aa') == {'a': 2}"),
        ("from fractions import *\ndef f(): return Fraction(1, 3)", "assert f() * 3 == 1"),
        ("def f(d): return d.replace(day=2)", "from datetime import *\nassert f(date.min).day == 2"),
        ("from math import factorial as f", "assert len(str(f(2000))) == 5736"),
        ("def f(x): return x", "def check(candidate):\n  assert candidate(2) == 2\ncheck(f)"),
        ("def f(*, a, b=2): return a - b", "assert f(a=5) == 3 and f(b=1, a=1) == 0"),
        ("LIMIT = 7\ndef f(): return LIMIT", "assert LIMIT == f() == 7"),
        ("def f(s): return s + '\\ud800é'", "assert f('\\n') == '\\n\\ud800é'"),
    ],
)  # fmt: skip
def test_plain_values_cross(code, test):
    assert judged(code, test, RAN) == ["passed", "passed"]


@pytest.mark.usefixtures("sandbox")
def test_objects_are_used_where_they_are():
    stack = """
        from dataclasses import dataclass
        class Stack:
            def __init__(self, *items): self.items = list(items)
            def push(self, item): self.items.append(item)
            def __len__(self): return len(self.items)
            def __iter__(self): return iter(self.items)
            def __contains__(self, item): return item in self.items
            def __getitem__(self, at): return self.items[at]
            def __str__(self): return "/".join(map(str, self.items))
        @dataclass
        class Point:
            x: int
        """
    tests = """
        s = Stack(1)
        assert not Stack() and s and len(s) == 1
        s.push(2)
        assert s.items == [1, 2] == list(s) and 2 in s and 3 not in s and s[-1] == 2 and str(s) == "1/2"
        assert isinstance(s, Stack) and not isinstance(4, Stack)
        assert Point(3) == Point(3) and Point(3) != Point(4)
        try:
            s.nothing
        except AttributeError:
            s.nothing = 5
        assert s.nothing == 5
        """
    assert judged(stack, tests) == ["passed"]


@pytest.mark.usefixtures("sandbox")
def test_a_test_at_fault_is_no_score_of_the_answer(tmp_path):
    rows = [{"input_text": "a", "tests": "import pytest\nassert f() == 1"}]
    with pytest.raises(RewardError, match=r"tests.jsonl: 'a': test 0 is at fault: No module named 'pytest'"):
        part(tmp_path, rows).raw(["a"], ["def f(): return 1"])
    # the answer's own missing module is the answer's fault
    assert judged("def f():\n  import numpy", "f()", RAN) == ["failed", "passed"]


@pytest.mark.usefixtures("sandbox")
def test_answers_are_run_side_by_side(tmp_path):
    """Threads of the pool start the processes; each is waited for by the thread that started it."""
    before = threading.active_count()
    reward = part(tmp_path, SQUARE, workers=3)
    answers = [f"def f(x): return x * x + {k}" for k in range(6)]
    assert reward.raw(["square"] * 6, answers) == [1.0, 0, 0, 0, 0, 0]
    assert threading.active_count() == before


# --- what is asked for and what is given ---------------------------------------------------------


def test_it_is_off_unless_asked_for(tmp_path):
    with pytest.raises(
        UserError, match=r"Python that a model wrote, on this machine.*run_generated_code: true"
    ):
        part(tmp_path, SQUARE, run_generated_code=False)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"input_text": "a", "tests": "assert ("}, "tests.jsonl: 'a': test 0 is no Python"),
        (
            {"input_text": "a", "tests": []},
            r"tests.jsonl:1: tests: expected text, or a list of texts, found \[\]",
        ),
        ({"input_text": "a", "tests": [1]}, "tests.jsonl:1: tests: expected"),
        ({"input_text": "a"}, "tests.jsonl:1: tests: expected text, or a list of texts, found None"),
        ({"tests": "assert f"}, "tests.jsonl:1: input_text: expected text, found None"),
    ],
)
def test_rows_that_are_none(tmp_path, row, message):
    with pytest.raises(UserError, match=message):
        part(tmp_path, [row])


@pytest.mark.usefixtures("sandbox")
def test_a_prompt_without_tests_is_named(tmp_path):
    with pytest.raises(RewardError, match=r"tests.jsonl has no tests for 'cube' \(1 of 2 prompts\)"):
        part(tmp_path, SQUARE).raw(["square", "cube"], ["", ""])


def test_no_sandbox_is_said_and_nothing_is_run(tmp_path, monkeypatch):
    """Where namespaces are forbidden: here by a program in their place that says so, as the child does."""
    monkeypatch.setattr(
        "assent.rewards.sandbox.PROGRAM", "import os; os.write(2, b'no namespaces'); os._exit(97)"
    )
    with pytest.raises(UserError, match=r"no namespaces\. Generated code is never run outside a sandbox"):
        part(tmp_path, SQUARE)
    with pytest.raises(RewardError, match="the sandbox could not be set up: no namespaces"):
        verdicts("", ["pass"], Limits())
