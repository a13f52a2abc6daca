"""Models as people name them, ready to talk."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from assent.config import check
from assent.models.conversation import Talker, is_for_chats, longest_answer
from assent.models.load import load
from assent.models.sampler import Sampling
from assent.models.tokenizer import Tokenizer
from assent.tools.chat import Chat, Speaker
from assent.tools.lineage import taught_chats
from assent.tools.model_at import FoundModel, found_model
from assent.training import parallel


def chat_of(
    names: Sequence[str],
    given: Mapping[str, Any],
    remembers: bool | None,
    seed: int,
    judgements: Path,
    system: str,
    say: Callable[[str], None],
) -> Chat:
    """A chat with the models of those names.

    Args:
        given: settings of `Sampling`; the others have their defaults.
        remembers: the models see earlier turns; None: where all were taught conversations.

    Raises:
        UserError: a model is not there, or cannot answer; the system's words where nobody remembers them.
    """
    speakers: list[Speaker] = []
    taught: list[bool] = []
    for name in names:
        found = found_model(name, say)
        model, tokenizer = load(found.source)
        longest = longest_answer(model, given.get("max_new_tokens"))
        sampling = check(Sampling, {**given, "max_new_tokens": longest}, "sampling")
        speakers.append(Speaker(name, Talker(model.to(parallel.device()), tokenizer, sampling)))
        taught.append(_taught_chats(found, tokenizer))
    together = all(taught) if remembers is None else remembers
    return Chat(speakers, together, seed, judgements, system)


def _taught_chats(found: FoundModel, tokenizer: Tokenizer) -> bool:
    told = is_for_chats(found.source, tokenizer)
    if told is not None:
        return told
    return found.run is not None and taught_chats(found.run, found.stage)
