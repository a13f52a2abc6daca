import codecs
import json
from collections import Counter

import numpy as np
import pytest
import torch

from assent.data import sources
from assent.data.batching import (
    encode_demonstrations,
    language_batch,
    merge_votes,
    pack,
    preference_batch,
)
from assent.data.files.jsonl import append_lines, read_jsonl, write_jsonl
from assent.data.stream import Stream, held_out
from assent.errors import UserError
from assent.records import Comparison, Demonstration, Prompt

GOOD = {"input_text": "p", "candidate_0": "a", "candidate_1": "b", "choice": 1}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "rows.jsonl"


def rows_of(path):
    return [row for _, row in read_jsonl(path)]


def test_a_byte_order_mark_windows_lines_and_blank_lines_are_fine(path):
    path.write_bytes(codecs.BOM_UTF8 + '{"a": "é"}\r\n\r\n{"a": 2}'.encode())
    assert rows_of(path) == [{"a": "é"}, {"a": 2}]


def test_lines_are_counted_with_the_blank_ones(path):
    path.write_text('{"a": 1}\n\n{"a": 2}\n')
    assert [where for where, _ in read_jsonl(path)] == [f"{path}:1", f"{path}:3"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"a": "\xff"}', "not UTF-8: invalid start byte at byte 7"),
        (b'{"a": NaN}', "not valid JSON: NaN is not a JSON number"),
        (b'{"a": -Infinity}', "not valid JSON: -Infinity is not a JSON number"),
        (b'{"a": 1, "b": 2, "a": 3}', "not valid JSON: the key 'a' is given twice"),
        (b'{"a": {"b": 1, "b": 1}}', "not valid JSON: the key 'b' is given twice"),
        (b'{"a": 1', "not valid JSON"),
        (b"[1, 2]", "expected an object .*, found list"),
        (b'"text"', "expected an object .*, found str"),
    ],
)
def test_a_bad_line_is_named(path, line, message):
    path.write_bytes(b'{"a": 1}\n' + line + b"\n")
    with pytest.raises(UserError, match=f"rows.jsonl:2: {message}"):
        rows_of(path)


def test_a_line_nested_without_end(path):
    path.write_text("[" * 100_000)
    with pytest.raises(UserError, match=r"rows\.jsonl:1: "):
        rows_of(path)


def test_no_such_file(path):
    with pytest.raises(UserError, match="no such file"):
        rows_of(path)
    with pytest.raises(UserError, match="no such file"):
        sources.prompts(str(path))


def test_written_rows_come_back(path):
    rows = [{"text": "你好\u2028\n"}, {"n": 0.1}]
    write_jsonl(path, rows)
    append_lines(path, [{"n": 1}])
    assert rows_of(path) == [*rows, {"n": 1}]
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_jsonl(path, [{"n": float("nan")}])
    assert len(rows_of(path)) == 3  # a failed write leaves the old file


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"choice": 2}, "choice 2 is not one of the 2 candidates"),
        ({"choice": -1}, "choice -1 is not one of the 2 candidates"),
        ({"choice": "1"}, "choice: expected 0 to 1, or null for a tie, found '1'"),
        ({"choice": True}, "choice: expected 0 to 1, or null for a tie, found True"),
        ({"choice": 1.0}, "choice: expected 0 to 1, or null for a tie, found 1.0"),
        ({"choice": ...}, "choice is missing"),
        ({"candidate_1": ...}, "expected candidate_0 and candidate_1"),
        ({"candidate_1": 7}, "candidate_1: expected text, found 7"),
        ({"candidate_3": "d"}, "candidate_2 is missing"),
        ({"input_text": ...}, "input_text is missing"),
        ({"input_text": None}, "input_text: expected text, found None"),
        ({"meta": "x"}, "meta: expected an object"),
        ({"ranking": [0, 0]}, "ranking \\[0, 0\\] does not name each of the 2 candidates once"),
        ({"ranking": 5}, "ranking: expected a list"),
        ({"ranking": [0, "a"]}, "ranking: expected a list"),
        ({"meta": {"seconds": "fast"}}, "seconds: expected a number"),
        ({"messages": []}, "messages: expected a list"),
        ({"messages": [{"role": "god", "content": "x"}]}, "messages\\[0\\]: expected"),
    ],
)
def test_a_bad_comparison_is_named(path, change, message):
    bad = {key: value for key, value in {**GOOD, **change}.items() if value is not ...}
    path.write_text(json.dumps(GOOD) + "\n" + json.dumps(bad) + "\n")
    with pytest.raises(UserError, match=f"^{path}:2: {message}"):
        sources.comparisons(str(path))


def test_a_null_choice_is_a_tie(path):
    path.write_text(json.dumps({**GOOD, "choice": None}))
    assert sources.comparisons(str(path))[0].choice is None


def test_a_comparison_comes_back_as_it_was_written(path):
    chat = ({"role": "user", "content": "hi"},)
    comparisons = [
        Comparison(Prompt("p"), ("a", "b", "c"), 2, (2, 0, 1), "ann", "item-1", 3.5, 0.5, "help", (1, 0, 2)),
        Comparison(Prompt("hi", chat, "id-7", {"topic": "greeting"}), ("a", "b"), None),
    ]
    write_jsonl(path, map(sources.comparison_row, comparisons))
    assert sources.comparisons(str(path)) == comparisons


def test_demonstrations_as_text_and_as_chat(path):
    chat = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
    path.write_text(
        json.dumps({"input_text": "p", "output_text": "r"}) + "\n" + json.dumps({"messages": chat})
    )
    plain, talk = sources.demonstrations(str(path))
    assert (plain.prompt.text, plain.response) == ("p", "r")
    assert (talk.prompt.messages, talk.response) == (({"role": "user", "content": "hi"},), "hello")


def test_documents(tmp_path):
    (tmp_path / "b.txt").write_text("three")
    (tmp_path / "a.txt").write_text("\ufeffone\n<|endoftext|>\ntwo\n<|endoftext|>\n", encoding="utf-8")
    assert list(sources.documents(str(tmp_path / "*.txt"))) == ["one", "two", "three"]


def compared(first, second, choice, prompt="p", item="", **more):
    return Comparison(Prompt(prompt), (first, second), choice, item=item, **more)


def test_votes_are_merged_whatever_the_order():
    (item,) = merge_votes([compared("a", "b", 0), compared("b", "a", 1), compared("b", "a", 0)])
    assert item.candidates == ("a", "b")
    assert item.votes == pytest.approx((2 / 3, 1 / 3))
    assert item.judgements == 3


def test_a_tie_is_half_a_vote_each():
    (item,) = merge_votes([compared("a", "b", None), compared("a", "b", 1)])
    assert item.votes == (0.25, 0.75)


def test_items_are_told_apart():
    items = merge_votes(
        [
            compared("a", "b", 0),
            compared("a", "b", 0, prompt="q"),
            compared("a", "c", 0),
            compared("a", "b", 0, item="x"),
        ]
    )
    assert [item.judgements for item in items] == [1, 1, 1, 1]


def test_two_equal_candidates_share_the_vote_of_the_one_that_won():
    (item,) = merge_votes([compared("a", "a", 1)])
    assert sum(item.votes) == 1


def test_packing_predicts_every_token_exactly_once(gpt2):
    _, tokenizer = gpt2
    texts = ["She loved the ball.", "x", "One day, one day, one day."]
    stream = [token for text in texts for token in tokenizer.document_ids(text)]
    for context in (2, 5, len(stream), len(stream) + 3):
        windows = pack(texts, tokenizer, context)
        batch = windows.batch(range(len(windows)), tokenizer.pad_id)
        assert batch.responses.ids[batch.loss_mask].tolist() == stream[1:]
        assert batch.prompts.ids.flatten().tolist() == stream[: -1 : context - 1]
        assert batch.prompts.ids.shape[1] + batch.responses.ids.shape[1] <= context


def test_packing_nothing(gpt2):
    with pytest.raises(UserError, match="no document"):
        pack([], gpt2[1], 8)


def test_demonstrations_are_learned_from_their_answers_alone(gpt2):
    _, tokenizer = gpt2
    rows = [Demonstration(Prompt("a long prompt here"), "yes"), Demonstration(Prompt("p"), "")]
    examples, cut = encode_demonstrations(rows, tokenizer, max_response_tokens=2)
    batch = language_batch(examples, tokenizer.pad_id)
    assert (cut.prompts, cut.responses) == (0, 1)
    assert batch.responses.lengths.tolist() == [1, 2]  # the shorter row comes first
    assert torch.equal(batch.loss_mask, batch.responses.mask)


def test_a_preference_batch_keeps_answers_with_their_votes(gpt2):
    _, tokenizer = gpt2
    items = merge_votes([compared("the longer one", "b", 0), compared("c", "d", 1, prompt="a question")])
    batch = preference_batch(items, tokenizer, max_response_tokens=None)
    prompts, answers = batch.flat()
    assert tokenizer.texts(answers) == ["b", "the longer one", "c", "d"]
    assert [
        tokenizer.inner.decode(ids[mask]) for ids, mask in zip(prompts.ids, prompts.mask, strict=True)
    ] == [
        "p",
        "p",
        "a question",
        "a question",
    ]
    assert batch.votes.tolist() == [[0, 1], [0, 1]]


@pytest.mark.parametrize(("rows", "batch"), [(10, 5), (7, 3), (3, 8)])
def test_each_epoch_is_a_permutation(rows, batch):
    stream = Stream(rows, batch, seed=1)
    seen = np.concatenate([stream.step(step) for step in range(6 * rows)])
    epochs = seen[: len(seen) // rows * rows].reshape(-1, rows)
    assert (np.sort(epochs, axis=1) == np.arange(rows)).all()
    assert len({tuple(epoch) for epoch in epochs.tolist()}) > 1


def test_ranks_share_a_step_out():
    whole = Stream(11, 6, seed=0).step(4)
    shares = [Stream(11, 6, seed=0, rank=rank, ranks=3).step(4) for rank in range(3)]
    assert [len(share) for share in shares] == [2, 2, 2]
    assert Counter(row for share in shares for row in share) == Counter(whole)


def test_a_step_depends_on_nothing_but_its_number():
    forward = [Stream(9, 4, seed=3).step(step) for step in range(20)]
    stream = Stream(9, 4, seed=3)
    assert [stream.step(step) for step in reversed(range(20))] == forward[::-1]
    assert Stream(9, 4, seed=4).step(0) != forward[0]


def test_held_out_keeps_equal_prompts_together():
    names = [f"prompt {index % 20}" for index in range(60)]
    out = held_out(names, 0.25, seed=0)
    chosen = {name for name, is_out in zip(names, out, strict=True) if is_out}
    assert len(chosen) == 5
    assert out == [name in chosen for name in names]
    assert held_out(names, 0.25, seed=0) == out


@pytest.mark.parametrize(
    ("count", "share", "expected"), [(10, 0.0, 0), (1, 0.5, 0), (3, 0.01, 1), (2, 0.99, 1)]
)
def test_held_out_leaves_something_on_both_sides(count, share, expected):
    assert sum(held_out([str(index) for index in range(count)], share, seed=0)) == expected
