"""A conversation with one model or two: what was said, the commands inside, and judgements between two."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assent.data.files.jsonl import append_lines
from assent.data.sources import comparison_row
from assent.errors import UserError
from assent.models.conversation import Talker
from assent.records import Comparison, Message, Prompt
from assent.training.checkpoint import generator_of

SIDES = ("left", "right")
HELP = """\
/help              this list
/reset             forget the conversation; the system's words stay
/undo              forget the last question and its answer
/system TEXT       what the system says from now on; without TEXT: nothing
/save FILE.jsonl   add the conversation to a file that `finetune` and `evaluate` read
/left /right /tie  which of two answers is better: added to the judgements, and the talk goes on with it
/exit, /quit       the end, as Ctrl-D; Ctrl-C stops an answer
//text             asks "/text" """
NEEDS_TWO = "/left, /right and /tie judge between two models: assent chat MODEL OTHER"


@dataclass(frozen=True)
class Speaker:
    """A model in the conversation, with the name that people gave it."""

    name: str
    talker: Talker


@dataclass(frozen=True)
class Exchange:
    """A question and what was answered."""

    prompt: Prompt  # as the models were asked, without turns that no longer fit
    question: str
    answers: tuple[str, ...]
    whole: bool = True  # False: somebody stopped an answer
    chosen: int = 0  # the conversation goes on with this answer
    judged: bool = False


class Chat:
    """What was said so far, and what can be done with it. It prints nothing.

    Two models share one conversation: both answer the same words, so a judgement between the answers is one
    about the same prompt, and the conversation goes on with the answer that was chosen, or else the left one.

    Args:
        remembers: the models see earlier turns; False: each line is asked by itself.
        judgements: where judgements are added.
    """

    def __init__(
        self, speakers: Sequence[Speaker], remembers: bool, seed: int, judgements: Path, system: str = ""
    ):
        self.speakers, self.remembers, self.seed = tuple(speakers), remembers, seed
        self.judgements = judgements
        self.exchanges: list[Exchange] = []
        self.left_out = 0  # turns that no longer fit
        self._asked = 0  # counts on over /undo and /reset, so that the same question is answered anew
        self._system = ""
        if system:
            self.set_system(system)

    def ask(self, text: str) -> tuple[Prompt, list[Iterator[str]]]:
        """(the prompt, each speaker's answer in pieces). Give what came of them to `answered`.

        Raises:
            UserError: the prompt is too long for one of the models.
        """
        prompt = self._prompt(text)
        self._asked += 1
        streams = [
            speaker.talker.answer(prompt, generator_of(self.seed, "chat", self._asked, side))
            for side, speaker in enumerate(self.speakers)
        ]
        return prompt, streams

    def answered(self, prompt: Prompt, question: str, answers: Sequence[str], whole: bool = True) -> None:
        self.exchanges.append(Exchange(prompt, question, tuple(answers), whole))

    def messages(self) -> list[Message]:
        """The conversation so far."""
        said: list[Message] = [{"role": "system", "content": self._system}] if self._system else []
        for one in self.exchanges:
            said.append({"role": "user", "content": one.question})
            said.append({"role": "assistant", "content": one.answers[one.chosen]})
        return said

    def reset(self) -> str:
        self.exchanges, self.left_out = [], 0
        return "the conversation begins anew"

    def undo(self) -> str:
        if not self.exchanges:
            return "nothing was said yet"
        last = self.exchanges.pop()
        kept = "; its judgement stays in the file" if last.judged else ""
        return f"forgotten: {last.question}{kept}"

    def set_system(self, text: str) -> str:
        """Raises UserError for models that read no conversations."""
        if not self.remembers:
            raise UserError("the system has no voice where each line is asked by itself: see --chat")
        self._system = text
        return "the system says it from now on" if text else "the system says nothing"

    def save(self, file: str) -> str:
        """Add the conversation to a file: one chat, or a demonstration a line where each stands by itself."""
        path = Path(file)
        if path.suffix != ".jsonl":
            raise UserError(f"/save {file}: expected the name of a file that ends with .jsonl")
        if not self.exchanges:
            raise UserError("nothing was said yet, so there is nothing to save")
        rows: list[dict[str, Any]] = [{"messages": self.messages()}]
        if not self.remembers:
            rows = [
                {"input_text": one.question, "output_text": one.answers[one.chosen]} for one in self.exchanges
            ]
        _append(path, rows)
        count = len(self.exchanges)
        return f"{count} {'turn' if count == 1 else 'turns'} added to {path}"

    def judge(self, choice: int | None) -> str:
        """Add a judgement of the last two answers, and go on with the better one.

        Raises:
            UserError: there are not two whole answers that are not judged yet.
        """
        if len(self.speakers) < 2:
            raise UserError(NEEDS_TWO)
        if not self.exchanges:
            raise UserError("nothing was said yet, so there is nothing to judge")
        last = self.exchanges[-1]
        if last.judged or not last.whole:
            why = "judged already" if last.judged else "stopped before they were whole"
            raise UserError(f"the last answers were {why}: ask again")
        names = [speaker.name for speaker in self.speakers]
        prompt = Prompt(last.prompt.text, last.prompt.messages, meta={"models": names})
        _append(
            self.judgements, [comparison_row(Comparison(prompt, last.answers, choice, shown_order=(0, 1)))]
        )
        self.exchanges[-1] = Exchange(
            last.prompt, last.question, last.answers, chosen=choice or 0, judged=True
        )
        return f"{'a tie' if choice is None else SIDES[choice]}: added to {self.judgements}"

    def _prompt(self, text: str) -> Prompt:
        if not self.remembers:
            prompts = [speaker.talker.alone(text) for speaker in self.speakers]
            return prompts[0]
        said = [*self.messages(), {"role": "user", "content": text}]
        # Both read the same words: those that fit the one which reads less.
        shortest, left_out = max((s.talker.fitting(said) for s in self.speakers), key=lambda found: found[1])
        self.left_out = left_out
        return shortest


def command(chat: Chat, line: str) -> str:
    """Do what a line that begins with / says; what to tell of it.

    Raises:
        UserError: it cannot be done.
    """
    word, _, rest = line.partition(" ")
    rest = rest.strip()
    plain = {"/help": lambda: HELP, "/reset": chat.reset, "/undo": chat.undo}
    judging = {"/left": 0, "/right": 1, "/tie": None}
    if word in plain:
        return plain[word]()
    if word in judging:
        return chat.judge(judging[word])
    if word == "/system":
        return chat.set_system(rest)
    if word == "/save":
        return chat.save(rest)
    raise UserError(f"{word} is no command here; /help lists them; //text asks /text")


def _append(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    try:
        append_lines(path, rows)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None
