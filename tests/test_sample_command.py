"""Answers drawn by hand: a file of candidates that people can judge, made by a run that resumes."""

import json

import pytest
from click.testing import CliRunner
from tiny_models import tiny

from assent.cli import main
from assent.data.sources import candidates
from assent.models.load import save
from assent.models.sampler import Sampling, sample
from assent.models.tokenizer import Template
from assent.records import Prompt
from assent.training.checkpoint import generator_of

ASKED = ["she loved", "the ball", "one day"]


@pytest.fixture
def place(tmp_path, monkeypatch, bpe):
    monkeypatch.chdir(tmp_path)
    save(*tiny("gpt2", bpe, Template(prefix="Q: ")), tmp_path / "m", kind="policy")
    (tmp_path / "asked.jsonl").write_text("".join(f"{json.dumps({'input_text': text})}\n" for text in ASKED))
    return tmp_path


def typed(*words):
    return CliRunner().invoke(main, ["sample", *words])


def drawn(bpe, asked, seed, number, **settings):
    """What the sampler draws for these prompts, one row each."""
    model, tokenizer = tiny("gpt2", bpe, Template(prefix="Q: "))
    tokens, _ = tokenizer.prompts([Prompt(text) for text in asked])
    generator = generator_of(seed, "sample", number)
    return tokenizer.texts(sample(model, tokens, Sampling(**settings), tokenizer.end_id, generator).responses)


def test_candidates_for_every_prompt(place, bpe):
    words = (
        "m",
        "--prompts",
        "asked.jsonl",
        "--out",
        "c.jsonl",
        "--per-prompt",
        "3",
        "--max-new-tokens",
        "7",
    )
    done = typed(*words, "--seed", "5", "--quiet")
    assert done.exit_code == 0, done.output
    found = candidates("c.jsonl")
    assert [one.prompt.text for one in found] == ASKED
    expected = drawn(bpe, [text for text in ASKED for _ in range(3)], 5, 0, max_new_tokens=7)
    assert [text for one in found for text in one.texts] == expected
    assert found[0].meta["seed"] == 5
    assert found[0].meta["sampling"]["max_new_tokens"] == 7


def test_the_same_again_is_done_already_and_more_is_made_anew(place):
    words = ("m", "--prompts", "asked.jsonl", "--out", "c.jsonl", "--max-new-tokens", "4")
    assert typed(*words).exit_code == 0
    first = (place / "c.jsonl").read_bytes()
    again = typed(*words)
    assert "done already" in again.stderr
    assert (place / "c.jsonl").read_bytes() == first
    assert typed(*words, "--temperature", "0", "--batch", "2").exit_code == 0
    assert (place / "c.jsonl").read_bytes() != first
    assert candidates("c.jsonl")[0].meta["sampling"]["temperature"] == 0


def test_what_was_begun_goes_on(place, bpe):
    words = ("m", "--prompts", "asked.jsonl", "--out", "c.jsonl", "--max-new-tokens", "4", "--batch", "1")
    assert typed(*words).exit_code == 0
    whole = (place / "c.jsonl").read_bytes()
    [made] = (place / "c.jsonl.run" / "artifacts").iterdir()
    begun = made.with_name(f"{made.name}.partial")
    made.rename(begun)
    lines = (begun / "candidates.jsonl").read_text().splitlines(keepends=True)
    (begun / "candidates.jsonl").unlink()
    marked = lines[0].replace("she loved", "SHE LOVED")  # to see that it is not drawn again
    (begun / "candidates.draft.jsonl").write_text(marked)
    assert typed(*words).exit_code == 0
    assert (place / "c.jsonl").read_bytes() == whole.replace(b"she loved", b"SHE LOVED", 1)


def test_one_prompt_is_printed(place, bpe):
    done = typed("m", "--prompt", "she loved", "--per-prompt", "2", "--max-new-tokens", "6", "--seed", "3")
    assert done.exit_code == 0, done.output
    expected = [drawn(bpe, ["she loved"], 3, number, max_new_tokens=6)[0] for number in range(2)]
    assert done.stdout == "".join(f"{text}\n" for text in expected)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["m"], "Give --prompts FILE with --out, or --prompt TEXT."),
        (["m", "--prompt", "a", "--prompts", "asked.jsonl"], "Give --prompts FILE with --out, or"),
        (["m", "--prompts", "asked.jsonl"], "--prompts needs --out"),
        (["m", "--prompts", "asked.jsonl", "--out", "asked.jsonl"], "is there already, and not from a run"),
        (["m", "--prompts", "asked.jsonl", "--out", "c.csv"], "expected a name that ends with .jsonl"),
        (["m", "--prompts", "none.jsonl", "--out", "c.jsonl"], "no such file"),
        (["./none", "--prompt", "a"], "no such folder or run"),
        (["m", "--prompt", "x" * 200], "the message has 203 tokens"),
        (
            ["m", "--prompts", "asked.jsonl", "--out", "c.jsonl", "--max-new-tokens", "64"],
            "more than the 64 that",
        ),
    ],
)
def test_mistakes(place, words, message):
    done = typed(*words)
    assert done.exit_code == 2
    assert message in done.stderr
    assert not (place / "c.jsonl").exists()
