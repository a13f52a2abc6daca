"""A conversation on a terminal, or between two pipes: questions in, answers out as they are made."""

import sys
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from itertools import zip_longest

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from assent.errors import UserError
from assent.tools.chat import SIDES, Chat, command

WIDE = 100  # columns of a terminal from which on two answers stand side by side
STOPPED = " [stopped]"
ENDS = ("/exit", "/quit")
_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"} | {0x7F: 0x2421}
_PICTURES |= dict.fromkeys(range(0x80, 0xA0), 0xFFFD)  # those that have none


def talk(chat: Chat, console: Console) -> None:
    """Ask and answer until /exit or the end of the input; what is not an answer goes to stderr."""
    say(opening(chat))
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")  # one bad line is told of, and does not end the talk
    interactive = sys.stdin.isatty()
    while True:
        try:
            line = input("> " if interactive else "")
        except EOFError:
            break
        except KeyboardInterrupt:
            say("(/exit or Ctrl-D ends)")
            continue
        if line.strip() in ENDS:
            break
        if line.strip():
            try:
                one_line(chat, _checked(line.strip()), console)
            except UserError as error:
                say(str(error))


def _checked(line: str) -> str:
    """Python stands in lone surrogates for bytes that are not UTF-8; no tokenizer takes them."""
    if any("\ud800" <= char <= "\udfff" for char in line):
        raise UserError("that line is not UTF-8, and was not asked")
    return line


def one_line(chat: Chat, line: str, console: Console) -> None:
    """A question, or a command. Raises UserError where it cannot be answered or done."""
    if line.startswith("/") and not line.startswith("//"):
        say(command(chat, line))
        return
    question = line.removeprefix("/") if line.startswith("//") else line
    before = chat.left_out
    prompt, streams = chat.ask(question)
    if chat.left_out > before:
        say(f"(the conversation is longer than can be read: its first {chat.left_out} turns are left out)")
    answers, whole = shown(streams, console)
    chat.answered(prompt, question, answers, whole)


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def opening(chat: Chat) -> str:
    """Who talks, and how."""
    names = [speaker.name for speaker in chat.speakers]
    lines = (
        [names[0]]
        if len(names) == 1
        else [f"{side}: {name}" for side, name in zip(SIDES, names, strict=True)]
    )
    lines.append(
        "a conversation: earlier turns are remembered"
        if chat.remembers
        else "each line is asked by itself: taught single prompts, as far as is known (if not: --chat)"
    )
    if len(names) == 2:
        lines.append(
            "/left, /right or /tie judges the two answers; without it the talk goes on with the left one"
        )
    return "\n".join([*lines, "/help lists the commands"])


def shown(streams: Sequence[Iterator[str]], console: Console) -> tuple[list[str], bool]:
    """(the answers, whether they are whole: Ctrl-C stops them) after showing them as they come."""
    if len(streams) == 1:
        answer, whole = _streamed(streams[0])
        return [answer], whole
    if console.is_terminal and console.width >= WIDE:
        return _columns(streams, console)
    found: list[tuple[str, bool]] = []
    for side, stream in zip(SIDES, streams, strict=True):
        write(f"{side}: ")
        found.append(_streamed(stream) if all(whole for _, whole in found) else ("", False))
    return [answer for answer, _ in found], all(whole for _, whole in found)


def _streamed(stream: Iterator[str]) -> tuple[str, bool]:
    said, whole = "", True
    try:
        for piece in stream:
            said += piece
            write(piece)
    except KeyboardInterrupt:
        whole = False
        write(STOPPED)
    write("\n")
    return said, whole


def _columns(streams: Sequence[Iterator[str]], console: Console) -> tuple[list[str], bool]:
    said, whole = ["" for _ in streams], True
    with Live(_table(said), console=console, auto_refresh=False) as live:
        try:
            for pieces in zip_longest(*streams, fillvalue=""):
                said = [text + piece for text, piece in zip(said, pieces, strict=True)]
                live.update(_table(said), refresh=True)
        except KeyboardInterrupt:
            whole = False
            live.update(_table([text + STOPPED for text in said]), refresh=True)
    return said, whole


def visible(text: str) -> str:
    """Control characters as their pictures: a model may write one, and a terminal would obey it."""
    return text.translate(_PICTURES)


def _table(texts: Sequence[str]) -> Table:
    table = Table(*SIDES, expand=True)
    for column in table.columns:
        column.ratio = 1
    table.add_row(*(Text(visible(text)) for text in texts))
    return table


def write(text: str) -> None:
    """On stdout, at once; on a terminal with control characters made visible."""
    sys.stdout.write(visible(text) if sys.stdout.isatty() else text)
    sys.stdout.flush()
