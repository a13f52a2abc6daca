"""Each format: a row of it is told by its keys, and becomes the judgement that a person reads in it."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from assent.data.formats.dialect import Noun
from assent.data.formats.dialects import DIALECTS, dialect_named, dialect_of
from assent.data.formats.reading import NOUNS, Reader
from assent.errors import UserError
from assent.records import Comparison, Demonstration, Prompt, Rating

FORMATS = Path(__file__).parents[1] / "docs" / "formats.md"
ASK, GOOD = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
KINDS = {noun: kind for kind, noun in NOUNS.items()}
U, A, S = "user", "assistant", "system"


def chat(*turns):
    return tuple({"role": role, "content": said} for role, said in turns)


def read(kind, row, dialect=None):
    return Reader.of(kind, dialect).read(row, "here")


def compared(row):
    [found] = read(Comparison, row)
    return found


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
class TestExamples:
    def test_it_is_told_from_all_others_of_its_noun(self, dialect):
        row = json.loads(dialect.example)
        for noun in get_args(Noun):
            names = [one.name for one in DIALECTS if one.noun == noun and one.recognises(row)]
            assert names == [dialect.name] if noun == dialect.noun else len(names) <= 1
        assert dialect_of(row, "here") is dialect

    def test_it_is_read_and_has_a_prompt(self, dialect):
        row = json.loads(dialect.example)
        assert len(read(KINDS[dialect.noun], row)) >= 1
        [prompt] = read(Prompt, row)
        assert prompt.text

    def test_it_stands_in_the_documents(self, dialect):
        text = FORMATS.read_text(encoding="utf-8")
        assert f"`{dialect.name}`" in text
        assert dialect.example in text.replace("\\|", "|")

    def test_chinese_passes_unchanged(self, dialect):
        said = "你好，“湿地”是什么？——请用一句话回答！（谢谢）"
        english = ("A wetland.", "A fen.", "What is a moor?", "Fens are wet.", "So glad to see you!")
        example = dialect.example
        for text in english:
            example = example.replace(text, said)
        assert said in str(read(KINDS[dialect.noun], json.loads(example)))


def documented_rows():
    return re.findall(r"^(\{.*\})$", FORMATS.read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_names_are_one_each():
    assert len({dialect.name for dialect in DIALECTS}) == len(DIALECTS)
    assert dialect_named("hh").noun == "comparisons"


def test_every_row_of_the_documents_is_read():
    rows = documented_rows()
    assert len(rows) > len(DIALECTS)
    for row in rows:
        noun = dialect_of(json.loads(row), row).noun
        assert Reader.of(KINDS[noun]).read(json.loads(row), row)


def test_two_formats_that_both_fit_are_named():
    row = {"instruction": "p", "instances": [{"output": "a"}], "gold_response": "a"}
    with pytest.raises(
        UserError,
        match=r"this row fits self-instruct and tldr: say which, as .* --from self-instruct",
    ):
        dialect_of(row, "here")
    with pytest.raises(UserError, match="fits self-instruct and tldr"):
        read(Demonstration, row)
    assert read(Demonstration, row, "tldr") == [Demonstration(Prompt("p"), "a")]


HH = "\n\nHuman: Hi\n\nAssistant: Hello.\n\nHuman: What is a fen?\n\nAssistant:"


def test_transcripts_part_at_the_last_answer():
    found = compared({"chosen": f"{HH} A wetland.", "rejected": f"{HH} A bird.\n"})
    assert found.prompt.messages == chat((U, "Hi"), (A, "Hello."), (U, "What is a fen?"))
    assert found.prompt.text == "What is a fen?"
    assert (found.candidates, found.choice) == (("A wetland.", "A bird."), 0)


@pytest.mark.parametrize(
    ("end", "answer"),
    [
        ("", ""),  # an empty answer is there, and was judged
        (" \n", ""),
        ("  two\n\nparagraphs \n", "two\n\nparagraphs"),
        (" as they say:\nHuman: hello\n\nHuman rights", "as they say:\nHuman: hello\n\nHuman rights"),
        (" Assistant: is a word", "Assistant: is a word"),
        (" \u3000\u3000湿地，不是沼泽。\n", "\u3000\u3000湿地，不是沼泽。"),
    ],
)
def test_the_end_of_a_transcript(end, answer):
    assert compared({"chosen": HH + end, "rejected": f"{HH} x"}).candidates == (answer, "x")


@pytest.mark.parametrize(
    "start", ["Human: Hi\n\nAssistant: a", "\nHuman: Hi\n\nAssistant: a", "\n\n\n\nHuman: Hi\n\nAssistant: a"]
)
def test_a_transcript_may_begin_without_its_empty_line(start):
    [found] = read(Demonstration, {"transcript": start})
    assert (found.prompt.messages, found.response) == (chat((U, "Hi")), "a")


@pytest.mark.parametrize(
    ("chosen", "rejected", "message"),
    [
        (
            f"{HH} a",
            f"{HH} a\n\nHuman: more\n\nAssistant: b",
            "they part before their last turn.*--quarantine",
        ),
        (f"{HH} a", f"{HH.replace('Hello.', 'Hey.')} a", "they part before their last turn"),
        (f"{HH} a", f"{HH} a\n\nHuman: bye", "rejected: expected a conversation that ends with an answer"),
        (f"{HH} a", "\n\nAssistant: a", "rejected: expected a conversation that ends with an answer"),
        ("A wetland.", "A bird.", r"chosen: expected a transcript of turns .*found 'A wetland.'"),
        (f"Rules first.{HH} a", f"{HH} b", "chosen: expected a transcript of turns .*found 'Rules first."),
        (f"{HH} a", "", "rejected: expected a transcript"),
    ],
)
def test_transcripts_that_are_refused(chosen, rejected, message):
    with pytest.raises(UserError, match=f"^here: {message}|^here: .*{message}"):
        compared({"chosen": chosen, "rejected": rejected})


def test_a_text_is_a_transcript_where_demonstrations_are_wanted():
    [found] = read(Demonstration, {"text": f"{HH} a"})
    assert found.response == "a"
    with pytest.raises(UserError, match="text is a transcript of Human and Assistant, not a prompt"):
        read(Prompt, {"text": f"{HH} a"})


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
        {"messages": [{"author": "user", "content": "q"}, {"author": "bot", "content": "a"}]},
        {"messages": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
        {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a", "weight": 1}]},
        {
            "conversations": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
            "id": None,
        },
    ],
)
def test_chats_of_every_shape(row):
    [found] = read(Demonstration, row)
    assert found == Demonstration(Prompt("q", chat((U, "q"))), "a")
    assert read(Prompt, row) == [Prompt("q", chat((U, "q")))]


def test_a_context_is_the_system():
    row = {"context": "Be brief.", "messages": [{"author": "user", "content": "q"}]}
    assert read(Prompt, row) == [Prompt("q", chat((S, "Be brief."), (U, "q")))]


def test_authors_in_a_row_of_ours():
    asked = [{"author": "user", "content": "q"}]
    found = compared({"messages": asked, "candidate_0": "a", "candidate_1": "b", "choice": 1})
    assert (found.prompt.messages, found.choice) == (chat((U, "q")), 1)
    [rated] = read(Rating, {"messages": asked, "output_text": "a", "label": "bad"})
    assert (rated.prompt.messages, rated.value) == (chat((U, "q")), 0)


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        (
            [{"author": "user", "content": "q"}, {"author": "cat", "content": "a"}],
            r"messages\[1\]: .*by one of user",
        ),
        (
            [{"author": "user", "content": "q"}, {"author": "bot", "content": None}],
            r"messages\[1\]: expected",
        ),
        ([{"author": "user", "content": "q"}, "a"], r"messages\[1\]: expected"),
        ([{"author": "user", "content": "q"}], "this row holds prompts|ends with the assistant|last message"),
    ],
)
def test_chats_that_are_refused(messages, message):
    with pytest.raises(UserError, match=message):
        read(Demonstration, {"messages": messages})


@pytest.mark.parametrize(
    ("row", "prompt", "response"),
    [
        ({"prompt": "q", "response": "a"}, "q", "a"),
        ({"question": "q", "answer": "a"}, "q", "a"),
        ({"prompt": "q", "completion": [GOOD]}, "q", "a"),
        ({"instruction": "q", "output": "a"}, "q", "a"),
        ({"instruction": "q", "input": "", "output": "a"}, "q", "a"),
        ({"instruction": "q", "input": None, "output": "a"}, "q", "a"),
        ({"instruction": "q", "input": "it", "output": "a"}, "q\n\nit", "a"),
        ({"instruction": "q", "context": "it", "response": "a", "category": "qa"}, "q\n\nit", "a"),
        ({"prompt": "q", "response": "a", "score": None}, "q", "a"),  # a column that says nothing here
    ],
)
def test_demonstrations_by_other_names(row, prompt, response):
    [found] = read(Demonstration, row)
    assert (found.prompt.text, found.response) == (prompt, response)


def test_what_a_row_tells_of_itself_is_kept():
    row = {
        "prompt": "q",
        "id": 3,
        "source": "web",
        "metadata": {"lang": "zh"},
        "junk": 1,
        "meta": {"topic": "tea"},
    }
    assert read(Prompt, row) == [Prompt("q", (), "3", {"lang": "zh", "topic": "tea", "source": "web"})]
    with pytest.raises(UserError, match=r"here: meta: expected an object, found 'tea'"):
        read(Prompt, row | {"meta": "tea"})


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"instruction": "q", "output": 3}, "output: expected text, found 3"),
        ({"instruction": "q", "input": 3, "output": "a"}, "input: expected text, found 3"),
        ({"instruction": "q", "gold_response": None}, "gold_response: expected text"),
        ({"instruction": "q", "instances": ["a"]}, r"instances\[0\]: expected {input, output}"),
        ({"prompt": [ASK], "completion": [ASK]}, "completion: expected one answer of the assistant"),
    ],
)
def test_demonstrations_that_are_refused(row, message):
    with pytest.raises(UserError, match=f"^here: {message}"):
        read(Demonstration, row)
