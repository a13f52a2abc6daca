"""Records -> rows of a named format: the other way round from dialects.py, one function a format.

What a format has no place for stands beside, in `id` and `meta`, where our readers find it again. What cannot
be said at all, as a tie where there is only a chosen and a rejected answer, is an error.
"""

from collections.abc import Callable, Mapping
from typing import Any

from assent.data.files.streams import Row
from assent.data.formats.writers_tools import argilla, label_studio
from assent.data.formats.writing import (
    SIDES,
    Messages,
    Written,
    answered,
    asked,
    beside,
    chat,
    of_the_judgement,
    plain,
    reordered,
    transcript,
    two,
)
from assent.data.labelled import labelled_row
from assent.data.ratings import rating_row
from assent.data.rows import prompt_row
from assent.data.sources import candidates_row, comparison_row
from assent.errors import UserError
from assent.records import Candidates, Comparison, Demonstration, Labelled, Prompt, Rating

AUTHORS = {"user": "user", "assistant": "bot"}


# prompts


def _prompt(prompt: Prompt) -> Written:
    return Written(prompt_row(_unanswered(prompt)) | beside(prompt))


def _prompt_elsewhere(prompt: Prompt) -> Written:
    return Written({"prompt": asked(prompt)} | beside(prompt))


def _text(prompt: Prompt) -> Written:
    text = plain(prompt)
    if text.startswith("\n\nHuman:"):
        raise UserError("a text that would be read as a transcript: choose prompts or prompt")
    return Written({"text": text} | beside(prompt))


def _unanswered(prompt: Prompt) -> Prompt:
    if len(prompt.messages) > 1 and prompt.messages[-1]["role"] == "assistant":
        raise UserError("a chat that ends with the assistant, whose last message is no prompt: choose prompt")
    return prompt


def _authors_asked(prompt: Prompt) -> Written:
    return Written(_by_author(chat(_unanswered(prompt))) | beside(prompt))


def _by_author(messages: Messages) -> Row:
    """`messages` of {author, content}; what the system says first is the `context`."""
    context, said = {}, messages
    if messages[0]["role"] == "system" and messages[0]["content"].strip():
        context, said = {"context": messages[0]["content"]}, messages[1:]
    if not said or any(message["role"] not in AUTHORS for message in said):
        raise UserError("a system message that is not the first, or alone: this format has only a context")
    return context | {
        "messages": [{"author": AUTHORS[one["role"]], "content": one["content"]} for one in said]
    }


# demonstrations


def _signed(shown: Demonstration) -> Row:
    return ({"author": shown.author} if shown.author else {}) | beside(shown.prompt)


def _demonstration(shown: Demonstration) -> Written:
    if shown.prompt.messages:
        return _messages(shown)
    return Written(prompt_row(shown.prompt) | {"output_text": shown.response} | _signed(shown))


def _messages(shown: Demonstration) -> Written:
    return Written({"messages": chat(shown.prompt, shown.response)} | _signed(shown))


def _authors(shown: Demonstration) -> Written:
    return Written(_by_author(chat(shown.prompt, shown.response)) | _signed(shown))


def _hh_demonstration(shown: Demonstration) -> Written:
    row, left_out = transcript(chat(shown.prompt, shown.response))
    return Written(row | _signed(shown), left_out)


def _completion(shown: Demonstration) -> Written:
    said = {"prompt": asked(shown.prompt), "completion": answered(shown.prompt, shown.response)}
    return Written(said | _signed(shown))


def _alpaca(shown: Demonstration) -> Written:
    return Written(
        {"instruction": plain(shown.prompt), "input": "", "output": shown.response} | _signed(shown)
    )


# candidates and comparisons


def _candidates(given: Candidates) -> Written:
    meta = {str(key): value for key, value in given.meta.items()}
    return Written(candidates_row(given.prompt, given.texts) | beside(given.prompt, **meta))


def _listed(given: Candidates) -> Written:
    said = {"prompt": asked(given.prompt), "responses": list(given.texts)}
    return Written(said | beside(given.prompt, **{str(key): value for key, value in given.meta.items()}))


def _comparison(judged: Comparison) -> Written:
    return Written(comparison_row(judged))


def _chosen_rejected(judged: Comparison) -> Written:
    chosen, rejected = two(judged)
    said = {
        "prompt": asked(judged.prompt),
        "chosen": answered(judged.prompt, judged.candidates[chosen]),
        "rejected": answered(judged.prompt, judged.candidates[rejected]),
    }
    return Written(said | reordered(judged, (chosen, rejected)), (SIDES,))


def _hh(judged: Comparison) -> Written:
    order = two(judged)
    chosen, rejected = (transcript(chat(judged.prompt, judged.candidates[k])) for k in order)
    said = {"chosen": chosen.row["transcript"], "rejected": rejected.row["transcript"]}
    spaces = tuple(dict.fromkeys(chosen.left_out + rejected.left_out))
    return Written(said | reordered(judged, order), (SIDES, *spaces))


def _k_way(judged: Comparison) -> Written:
    """The order in one key: the ranking, or the votes on pairs, or the best."""
    said: Row = {"prompt": asked(judged.prompt), "responses": list(judged.candidates)}
    left_out: tuple[str, ...] = ()
    if judged.ranking:
        said["ranking"] = list(judged.ranking)
    elif judged.pairs:
        said["votes"] = [list(pair) for pair in judged.pairs]
        left_out = () if judged.choice is None else ("the choice beside the votes on pairs",)
    else:
        said["choice"] = judged.choice
    return Written(said | of_the_judgement(judged), left_out)


# ratings and labels


def _rating(rating: Rating) -> Written:
    return Written(rating_row(rating))


def _score(rating: Rating) -> Written:
    said = {"prompt": asked(rating.prompt), "response": rating.response, "score": rating.value}
    criterion = {"criterion": rating.criterion} if rating.criterion else {}
    return Written(
        said | {"scale": list(rating.scale)} | criterion | beside(rating.prompt, annotator=rating.annotator)
    )


def _good_bad(rating: Rating) -> Written:
    if rating.scale != (0.0, 1.0) or rating.value not in (0.0, 1.0):
        lowest, highest = rating.scale
        raise UserError(
            f"a rating of {rating.value:g} on the scale {lowest:g} to {highest:g} is neither good nor bad: "
            "say from which on an answer is good, as --threshold 4"
        )
    said = {
        "prompt": asked(rating.prompt),
        "completion": answered(rating.prompt, rating.response),
        "label": rating.value == 1.0,
    }
    told = {"criterion": rating.criterion, "annotator": rating.annotator}
    return Written(said | beside(rating.prompt, **told))


def _labelled(row: Labelled) -> Written:
    return Written(labelled_row(row))


# Every format that can be written, by its name in data/formats/dialects.py.
WRITERS: Mapping[str, Callable[[Any], Written]] = {
    "prompts": _prompt,
    "prompt": _prompt_elsewhere,
    "text": _text,
    "author-content-prompts": _authors_asked,
    "candidates": _candidates,
    "k-way-candidates": _listed,
    "demonstrations": _demonstration,
    "messages": _messages,
    "author-content": _authors,
    "hh-demonstrations": _hh_demonstration,
    "prompt-completion": _completion,
    "alpaca": _alpaca,
    "comparisons": _comparison,
    "prompt-chosen-rejected": _chosen_rejected,
    "hh": _hh,
    "k-way": _k_way,
    "label-studio-pairwise": label_studio,
    "argilla": argilla,
    "ratings": _rating,
    "prompt-response-score": _score,
    "good-bad": _good_bad,
    "labelled": _labelled,
}
