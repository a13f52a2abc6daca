"""Talking to models: through a pipe and on a terminal, commands, judgements between two."""

import io
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest
import torch
from click.testing import CliRunner
from interrupts import heeds_ctrl_c
from rich.console import Console
from tiny_models import tiny

from assent.cli import main
from assent.data.sources import comparisons, demonstrations
from assent.models.load import save
from assent.models.sampler import Sampling, sample
from assent.models.tokenizer import Template
from assent.records import Prompt
from assent.tools.chat_screen import shown, visible
from assent.training.checkpoint import generator_of

CHATML = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
FAMILIES = ["gpt2", "llama", "t5"]


def folder_of(path, family, bpe, template=None, **extra):
    save(*tiny(family, bpe, template), path, kind="policy", **extra)
    return str(path)


def typed(lines, *words):
    done = CliRunner().invoke(main, ["chat", *words], input="".join(f"{line}\n" for line in lines))
    assert done.exit_code == 0, done.output
    return done


# Sessions through a pipe


@pytest.mark.parametrize("family", FAMILIES)
def test_single_prompts_are_asked_by_themselves(bpe, tmp_path, family):
    template = Template(prefix="Q: ", suffix=" A:")
    source = folder_of(tmp_path / "m", family, bpe, template)
    done = typed(["she loved", "the ball", "/exit", "never"], source, "--seed", "4", "--max-new-tokens", "9")
    assert "each line is asked by itself" in done.stderr
    model, tokenizer = tiny(family, bpe, template)
    expected = []
    for number, text in enumerate(["she loved", "the ball"], start=1):
        tokens, _ = tokenizer.prompts([Prompt(text)])
        drawn = sample(
            model, tokens, Sampling(max_new_tokens=9), tokenizer.end_id, generator_of(4, "chat", number, 0)
        )
        expected += tokenizer.texts(drawn.responses)
    assert done.stdout == "".join(f"{text}\n" for text in expected)


def test_a_conversation_is_remembered(bpe, tmp_path):
    bpe.chat_template = CHATML
    source = folder_of(tmp_path / "m", "gpt2", bpe)
    file = tmp_path / "talk.jsonl"
    words = ["one", "two", f"/save {file}"]
    done = typed(words, source, "--system", "be kind", "--max-new-tokens", "4", "--temperature", "0")
    assert "earlier turns are remembered" in done.stderr
    assert "2 turns added" in done.stderr
    [row] = [json.loads(line) for line in file.read_text().splitlines()]
    assert [m["role"] for m in row["messages"]] == ["system", *["user", "assistant"] * 2]
    assert row["messages"][0]["content"] == "be kind"
    model, tokenizer = tiny("gpt2", bpe)
    first = Prompt("one", tuple(row["messages"][:2]))
    second = Prompt("two", tuple(row["messages"][:4]))
    for prompt, answer in ((first, row["messages"][2]), (second, row["messages"][4])):
        tokens, _ = tokenizer.prompts([prompt])
        drawn = sample(
            model, tokens, Sampling(max_new_tokens=4, temperature=0), tokenizer.end_id, torch.Generator()
        )
        assert answer["content"] == tokenizer.texts(drawn.responses)[0]
    assert demonstrations(str(file))[0].response == row["messages"][4]["content"]


def test_undo_reset_and_system(bpe, tmp_path):
    bpe.chat_template = CHATML
    source = folder_of(tmp_path / "m", "gpt2", bpe)
    file = tmp_path / "talk.jsonl"
    lines = [
        "/undo",
        "one",
        "two",
        "/undo",
        "/system be brief",
        "//slash",
        f"/save {file}",
        "/reset",
        f"/save {file}",
    ]
    done = typed(lines, source, "--max-new-tokens", "3")
    told = done.stderr.splitlines()
    assert "nothing was said yet" in told
    assert "forgotten: two" in told
    assert told[-2:] == ["the conversation begins anew", "nothing was said yet, so there is nothing to save"]
    [row] = [json.loads(line) for line in file.read_text().splitlines()]
    assert [m["content"] for m in row["messages"] if m["role"] != "assistant"] == [
        "be brief",
        "one",
        "/slash",
    ]


def test_turns_that_no_longer_fit_are_told_of(bpe, tmp_path):
    bpe.chat_template = CHATML
    source = folder_of(tmp_path / "m", "gpt2", bpe)
    done = typed(["x" * 20, "y" * 20], source, "--max-new-tokens", "8")
    assert "its first 1 turns are left out" in done.stderr


def test_mistakes_are_told_and_the_talk_goes_on(bpe, tmp_path):
    source = folder_of(tmp_path / "m", "gpt2", bpe)
    lines = ["/foo", "/left", "/system x", "/save x.txt", "x" * 200, "fine"]
    done = typed(lines, source, "--max-new-tokens", "5")
    for words in (
        "/foo is no command here",
        "/left, /right and /tie judge between two models",
        "the system has no voice",
        "expected the name of a file that ends with .jsonl",
        "the message has 200 tokens",
    ):
        assert words in done.stderr
    assert len(done.stdout.splitlines()) >= 1


def test_a_line_that_is_not_utf8_is_not_asked(bpe, tmp_path):
    source = folder_of(tmp_path / "m", "gpt2", bpe)
    done = CliRunner().invoke(main, ["chat", source, "--max-new-tokens", "5"], input=b"\xff\xfe\nfine\n")
    assert done.exit_code == 0, done.output
    assert "that line is not UTF-8" in done.stderr


def test_two_models_answer_and_are_judged(bpe, tmp_path):
    left, right = (folder_of(tmp_path / name, "gpt2", bpe, Template(prefix="Q: ")) for name in ("a", "b"))
    file, told = tmp_path / "j.jsonl", tmp_path / "t.jsonl"
    lines = ["she", "/right", "/left", "the ball", "/tie", f"/save {told}"]
    done = typed(lines, left, right, "--judgements", str(file), "--max-new-tokens", "6")
    assert "judged already" in done.stderr
    found = comparisons(str(file))
    assert [one.choice for one in found] == [1, None]
    assert [one.prompt.text for one in found] == ["she", "the ball"]
    assert found[0].shown_order == (0, 1)
    assert json.loads(file.read_text().splitlines()[0])["meta"]["models"] == [left, right]
    assert found[0].candidates[0] != found[0].candidates[1]
    first, second = done.stdout.split("right: ")[:2]
    assert first == f"left: {found[0].candidates[0]}\n"
    assert second.startswith(f"{found[0].candidates[1]}\n")


def test_of_single_prompts_the_chosen_answers_are_saved(bpe, tmp_path):
    left, right = (folder_of(tmp_path / name, "gpt2", bpe, Template(prefix="Q: ")) for name in ("a", "b"))
    judged, told = tmp_path / "j.jsonl", tmp_path / "t.jsonl"
    lines = ["she", "/right", "the ball", "/left", f"/save {told}"]
    typed(lines, left, right, "--judgements", str(judged), "--max-new-tokens", "6")
    first, second = comparisons(str(judged))
    assert first.candidates[0] != first.candidates[1]
    assert [one.response for one in demonstrations(str(told))] == [first.candidates[1], second.candidates[0]]


def test_the_talk_goes_on_with_the_answer_that_was_chosen(bpe, tmp_path):
    bpe.chat_template = CHATML
    source = folder_of(tmp_path / "m", "gpt2", bpe)
    judged, told = tmp_path / "j.jsonl", tmp_path / "t.jsonl"
    lines = ["one", "/right", "two", "/left", f"/save {told}"]
    typed(lines, source, source, "--judgements", str(judged), "--max-new-tokens", "4")
    [row] = [json.loads(line) for line in told.read_text().splitlines()]
    found = comparisons(str(judged))
    assert row["messages"][1]["content"] == found[0].candidates[1]
    assert found[1].prompt.messages == tuple(row["messages"][:3])
    assert row["messages"][3]["content"] == found[1].candidates[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--max-new-tokens", "64"], "max-new-tokens 64: the model reads 64 tokens"),
        (["--system", "x"], "the system has no voice"),
        (["--top-p", "0"], "0 is not in the range"),
    ],
)
def test_mistakes_at_the_beginning(bpe, tmp_path, words, message):
    done = CliRunner().invoke(main, ["chat", folder_of(tmp_path / "m", "gpt2", bpe), *words], input="a\n")
    assert done.exit_code == 2
    assert message in done.stderr


# On a terminal


def test_two_answers_side_by_side():
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    answers, whole = shown([iter(["an ", "answer"]), iter(["x"])], console)
    assert (answers, whole) == (["an answer", "x"], True)
    last = screen.getvalue().splitlines()
    assert any("an answer" in line and "x" in line.split("an answer")[1] for line in last)


def stopping():
    yield "half"
    raise KeyboardInterrupt


def test_ctrl_c_stops_the_answer_alone(capsys):
    narrow = Console(file=io.StringIO(), width=80)
    assert shown([stopping()], narrow) == (["half"], False)
    assert capsys.readouterr().out == "half [stopped]\n"
    wide = Console(file=io.StringIO(), force_terminal=True, width=120)
    assert shown([stopping(), iter(["a", "b"])], wide) == (["half", "a"], False)
    assert shown([stopping(), iter(["a"])], narrow) == (["half", ""], False)


def test_what_a_terminal_would_obey_is_shown_instead():
    assert visible("a\x1b[2Jb\x07\tc\nd\x9b") == "a\u241b[2Jb\u2407\tc\nd\ufffd"


def test_a_session_on_a_terminal(bpe, tmp_path):
    source = folder_of(tmp_path / "m", "t5", bpe)
    longest = ["--max-new-tokens", "1000000", "--temperature", "9"]
    here, there = pty.openpty()
    words = [sys.executable, "-m", "assent", "chat", source, *longest]
    heeding = {"preexec_fn": heeds_ctrl_c}
    with subprocess.Popen(words, stdin=there, stdout=there, stderr=there, **heeding) as process:
        try:
            heard_until(here, "> ")
            os.write(here, b"hello\n")
            heard_until(here, "hello\r\n")
            heard_until(here, "")  # an answer has begun
            process.send_signal(signal.SIGINT)
            heard_until(here, "> ", after(heard_until(here, "[stopped]"), "[stopped]"))
            os.write(here, b"/save x\n")
            # only with the next prompt does the terminal hand keys on as they are
            heard_until(here, "> ", after(heard_until(here, ".jsonl"), ".jsonl"))
            os.write(here, b"\x04")
            assert process.wait(60) == 0
        finally:
            process.kill()
            os.close(here)
            os.close(there)


def after(heard, words):
    return heard.rpartition(words)[2]


def heard_until(terminal, words, heard=""):
    """What a terminal shows up to `words`; to anything at all where they are empty."""
    end = time.monotonic() + 60
    while words not in heard or not heard:
        assert time.monotonic() < end, heard[-2000:]
        if select.select([terminal], [], [], 1)[0]:
            heard += os.read(terminal, 65536).decode(errors="replace")
    return heard
