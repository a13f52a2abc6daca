"""Models to talk to in the app: found when it starts, loaded when somebody first speaks."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from assent.feedback.services import Messages
from assent.tools.chat import Chat
from assent.tools.model_at import found_model
from assent.tools.speakers import chat_of
from assent.training.checkpoint import generator_of

Talk = Callable[[Messages, int], str]


def talks(names: Sequence[str], say: Callable[[str], None]) -> Mapping[str, Talk]:
    """What answers by each model's name: (messages, seed) -> text.

    Raises:
        UserError: there is no such model.
    """
    for name in names:
        found_model(name, say)
    return {name: _Talking(name, say) for name in names}


class _Talking:
    """One model, which answers one question at a time."""

    def __init__(self, name: str, say: Callable[[str], None]):
        self._name, self._say = name, say
        self._chat: Chat | None = None
        self._one = threading.Lock()

    def __call__(self, messages: Messages, seed: int) -> str:
        """
        Raises:
            UserError: the last message is too long for the model.
        """
        with self._one:
            if self._chat is None:
                self._say(f"loading {self._name}")
                self._chat = chat_of([self._name], {}, None, 0, Path(), "", self._say)
            talker = self._chat.speakers[0].talker
            if self._chat.remembers:
                prompt, _ = talker.fitting(list(messages))
            else:  # it was taught single prompts
                prompt = talker.alone(messages[-1]["content"])
            return "".join(talker.answer(prompt, generator_of(seed, "chat")))
