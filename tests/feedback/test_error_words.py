"""Mistakes in settings and files, as Chinese pages tell them; and that what is looked for is still said."""

import ast
import json
import re
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

ASSENT = Path(__file__).parents[2] / "assent"
HAN = re.compile("[\u4e00-\u9fff]")
PAIR = {"input_text": "a", "candidate_0": "x", "candidate_1": "y"}


@pytest.fixture
def root(world):
    client = world.client(world.person("root", "admin"))
    client.cookies["language"] = "zh-hans"
    return client


def problems(response):
    """What the page tells, each in one line."""
    page = response.content.decode()
    assert response.status_code == 422, page
    return re.findall(r'<p class="problem">(.*?)</p>', page, re.DOTALL)


@pytest.mark.parametrize(
    ("task", "part", "rows", "told"),
    [
        ("pairwise", "real", '{"a', "不是有效的 JSON"),
        ("pairwise", "real", "[1]", "应为对象"),
        ("pairwise", "real", "", "里面没有任何行"),
        ("pairwise", "real", [{"input_text": "a", "candidate_0": "x"}], "应有 candidate_0 和 candidate_1"),
        ("pairwise", "real", [{**PAIR, "input_text": 3}], "应为文本"),
        ("pairwise", "real", [{**PAIR, "candidate_2": "z"}], "需要 2 个回答，这里有 3 个"),
        ("pairwise", "real", [{**PAIR, "meta": 3}], "meta：应为对象"),
        ("pairwise", "real", [{"input_text": "a"}], "pairwise 类的项目需要一个提示和两个回答"),
        ("pairwise", "real", [{**PAIR, "choice": 0, "meta": {"at": "noon"}}], "meta.at：应为时间"),
        ("pairwise", "real", [{**PAIR, "choice": 7}], "choice"),
        ("pairwise", "gold", [PAIR], "需要带上正确答案"),
        ("pairwise", "real", [{**PAIR, "id": "i"}, {**PAIR, "id": "i", "input_text": "b"}], "已有同名的题"),
        ("ranking", "real", [{**PAIR, "ranking": [0, 0]}], "没有把 2 个回答各列一次"),
        ("demonstration", "real", [PAIR], "demonstration 类的项目需要提示"),
    ],
)
def test_a_file_that_does_not_fit_is_told_in_chinese(world, root, task, part, rows, told):
    world.project("news", task=task)
    text = rows if isinstance(rows, str) else "".join(json.dumps(row) + "\n" for row in rows)
    file = SimpleUploadedFile("rows.jsonl", text.encode())
    # An empty upload is refused by the form itself: with a blank line it is a file without rows.
    if not text:
        file = SimpleUploadedFile("rows.jsonl", b"\n")
    [first, *_] = problems(root.post("/admin/p/news/items", {"file": file, "part": part}))
    assert told in first
    assert HAN.search(first)
    assert first.startswith("rows.jsonl")


@pytest.mark.parametrize(
    ("yaml", "told"),
    [
        ("taks: rating", "没有 taks 这个键；您是不是想写 task？"),
        ("overlap: many", "YAML: overlap: 应为整数"),
        ("overlap: 0", "YAML: overlap: 应不小于 1"),
        ("shared: {share: 2}", "应不大于 1"),
        ("lease_minutes: 0", "应大于 0"),
        ("strength: perhaps", "应为 true 或 false"),
        ("task: sing", "应为"),
        ("title: 3", "应为文本"),
        ("shared: 3", "应为设置"),
        ("task: rating", "或一个标准列表"),
        ("criteria: code", "criteria 只用于 task: rating"),
        ("policies: [a]", "policies 只用于 task: chat"),
        ("task: edit\ngold: {every: 3}", "而 edit 没有"),
        ("task: chat\nimplicit: {enabled: true}", "请写明大家需要同意的内容"),
        ("task: rating\ncriteria: [{name: a}, {name: a}]", "有一项标准重复了"),
        ("task: rating\ncriteria: [{name: a, lowest: 5}]", "应满足 lowest"),
        ("- a", "应为每行一个"),
        ("a: [", "不是有效的 YAML"),
    ],
)
def test_yaml_that_does_not_fit_is_told_in_chinese(world, root, yaml, told):
    page = root.post("/admin/new", {"name": "news", "yaml": yaml}).content.decode()
    error = page.partition('id="yaml_yaml_error"')[2].partition("</div></div>")[0]
    assert told in error
    assert all(HAN.search(line) for line in re.findall("<div>(.*?)</div>", error))


def test_a_password_that_is_too_short_is_told_in_chinese(world):
    from assent.feedback.people.invites import Offer, make

    client = world.client()
    client.cookies["language"] = "zh-hans"
    page = client.post(f"/invite/{make(Offer(), None)}", {"name": "li", "password": "x7-Q"}).content.decode()
    assert "密码太短，至少要有 8 个字符。" in page
    assert "too short" not in page


def test_what_is_not_known_is_told_as_it_came():
    from django.utils import translation

    from assent.feedback.views.error_words import in_words

    with translation.override("zh-hans"):
        assert in_words("rows.jsonl:3: the moon is full") == "rows.jsonl:3: the moon is full"
    with translation.override("en"):
        told = "rows.jsonl:3: item a: b: it is there as real, and here as gold: give it another name, as id"
        assert in_words(told) == told


def written() -> str:
    """All texts of the code but those that are looked for, without braces and what is filled in."""
    found = []
    for path in sorted(ASSENT.rglob("*.py")):
        if path.name != "error_words.py":
            nodes = ast.walk(ast.parse(path.read_text("utf-8")))
            found += [
                one.value for one in nodes if isinstance(one, ast.Constant) and isinstance(one.value, str)
            ]
    return re.sub("[{}]", "", "\n".join(found))


def test_each_message_is_still_said_so():
    """A message that its own room words anew would stay English unnoticed. Pydantic's are met above."""
    from assent.feedback.views.error_words import MESSAGES

    texts = written()
    for message in MESSAGES:
        if not message.startswith(("input should", "string should")):
            pieces = [re.sub("[{}]", "", one) for one in re.split(r"%\(\w+\)s", message)]
            assert [one for one in pieces if one not in texts] == [], message


def test_a_long_line_is_not_looked_through():
    """It quotes somebody's text, in which each pattern would look for its parts everywhere."""
    from django.utils import translation

    from assent.feedback.views.error_words import LONGEST, in_words

    with translation.override("zh-hans"):
        told = [f"judgement x: it is there, and says something else: {'x' * more}" for more in (10, LONGEST)]
        assert [in_words(one) == one for one in told] == [False, True]
