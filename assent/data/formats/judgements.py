"""Comparisons as public data sets have them: chosen and rejected, K answers with an order, six votes."""

from itertools import combinations
from typing import Any

from assent.data.files.containers import Row
from assent.data.formats.chats import answer, asked, conversation, is_chat
from assent.data.formats.dialect import Dialect, beside, first, required, text
from assent.data.formats.rated import QUESTION, listed, response_of, scale_of
from assent.data.rows import is_number
from assent.errors import UserError

ORDERS = ("ranking", "ranks", "votes", "pairs")  # `choice` may stand beside one of them, or alone
PREDICTIONS = tuple(f"prediction {number}" for number in (1, 2, 3, 4))


# chosen and rejected


def _chosen_rejected(row: Row) -> bool:
    kinds = [type(row.get(key)) for key in ("chosen", "rejected")]
    return kinds == [list, list] or (kinds == [str, str] and first(row, QUESTION) is not None)


def _chosen(row: Row, where: str) -> list[Row]:
    """Texts; whole conversations that differ in the last answer; or a prompt and two answers as messages."""
    if isinstance(row["chosen"], str):
        prompt = asked(row, required(row, QUESTION, where), where)
        answers = row["chosen"], row["rejected"]
    else:
        prompt, answers = _parted(row, where)
    judged = {"candidate_0": answers[0], "candidate_1": answers[1], "choice": 0}
    return [prompt | judged | _with_strength(beside(row), row, where)]


def _parted(row: Row, where: str) -> tuple[Row, list[str]]:
    """(the prompt, the two answers) of messages."""
    chats = [conversation(row[key], f"{where}: {key}") for key in ("chosen", "rejected")]
    key = first(row, QUESTION)
    given = conversation(row[key], f"{where}: {key}") if key and is_chat(row[key]) else []
    heads = [chat[:-1] for chat in chats]
    if heads[0] != heads[1]:
        raise UserError(
            f"{where}: chosen and rejected are not two answers to the same conversation: they part before "
            "their last message. Leave the row out, or set such rows aside: assent convert FILE OUT "
            "--to comparisons --quarantine ODD"
        )
    if given and heads[0] and heads[0] != given:
        raise UserError(f"{where}: chosen does not go on from the messages of {key} with one answer")
    answers = [answer(chats[0][-1:], f"{where}: chosen"), answer(chats[1][-1:], f"{where}: rejected")]
    if key is not None and not heads[0]:
        return asked(row, key, where), answers
    if not heads[0]:
        raise UserError(f"{where}: there is no prompt: expected one, or messages before the last answer")
    return asked({**row, "prompt": heads[0]}, "prompt", where), answers


def _with_strength(kept: Row, row: Row, where: str) -> Row:
    """A margin is a strength where the row says that it lies between 0 and 1; else it is only noted."""
    if row.get("margin") is None or row.get("scale") is None or scale_of(row["scale"], where) != [0, 1]:
        return kept
    meta = kept.get("meta")
    return kept | {"meta": meta | {"strength": row["margin"]}} if isinstance(meta, dict) else kept


# K answers


def _k_way(row: Row) -> bool:
    return _listed_answers(row) and _ordered(row)


def _listed_answers(row: Row) -> bool:
    return listed(row) is not None and first(row, QUESTION) is not None


def _ordered(row: Row) -> bool:
    key = listed(row)
    ranked = key is not None and any(isinstance(one, dict) and "rank" in one for one in row[key])
    return ranked or "choice" in row or any(row.get(order) is not None for order in ORDERS)


def _k_way_row(row: Row, where: str) -> list[Row]:
    [shown] = _unjudged(row, where)
    answers = row[listed(row) or "responses"]
    given = [key for key in ORDERS if row.get(key) is not None]
    inside = [one["rank"] for one in answers if isinstance(one, dict) and "rank" in one]
    if len(given) + bool(inside) > 1:
        found = " and ".join([*given, *["rank in each response"] * bool(inside)])
        raise UserError(f"{where}: expected one of {', '.join(ORDERS)}, found {found}")
    order = {"choice": row["choice"]} if "choice" in row else {}
    if inside:
        order["ranking"] = by_rank(inside, len(answers), where)
    elif given:
        order |= _order(row, given[0], len(answers), where)
    return [shown | order]


def _unjudged(row: Row, where: str) -> list[Row]:
    question, responses = required(row, QUESTION, where), listed(row) or "responses"
    texts = [response_of(one, f"{where}: {responses}[{k}]") for k, one in enumerate(row[responses])]
    candidates = {f"candidate_{index}": said for index, said in enumerate(texts)}
    return [asked(row, question, where) | candidates | beside(row)]


def _order(row: Row, key: str, count: int, where: str) -> Row:
    value = row[key]
    if key == "ranks":
        return {"ranking": by_rank(value, count, where)}
    if key != "votes":
        return {key: value}
    if isinstance(value, list) and any(not isinstance(vote, list) for vote in value):
        raise UserError(
            f"{where}: votes: expected [left, right, winner or null] for each pair, numbers of responses "
            f"counted from 0, found {value!r}"
        )
    return {"pairs": value}


def by_rank(ranks: Any, count: int, where: str) -> list[Any]:
    """Indices from best to worst, of the rank of each (1 is best); those of one rank stand in a list."""
    good = isinstance(ranks, list) and len(ranks) == count and all(is_number(rank) for rank in ranks)
    if not good:
        raise UserError(
            f"{where}: ranks: expected {count} numbers, one a response, 1 for the best; found {ranks!r}"
        )
    places = [[k for k in range(count) if ranks[k] == rank] for rank in sorted(set(ranks))]
    return [place[0] if len(place) == 1 else place for place in places]


# four predictions and six votes (FineGrainedRLHF)


def _qa_feedback(row: Row, where: str) -> list[Row]:
    """Votes on the pairs 12 13 14 23 24 34: 1 the first is better, 2 the second, 0 neither."""
    votes = row["preference"]
    pairs = list(combinations(range(4), 2))
    if (
        not isinstance(votes, list)
        or len(votes) != 6
        or any(type(vote) is not int or vote not in (0, 1, 2) for vote in votes)
    ):
        raise UserError(
            f"{where}: preference: expected six votes of 1, 2 or 0 (a tie) on the pairs 12 13 14 23 24 34, "
            f"found {votes!r}"
        )
    judged = [[*pair, None if vote == 0 else pair[vote - 1]] for pair, vote in zip(pairs, votes, strict=True)]
    candidates = {
        f"candidate_{index}": text(row[key], f"{where}: {key}") for index, key in enumerate(PREDICTIONS)
    }
    return [
        {
            "input_text": text(row["question"], f"{where}: question"),
            **candidates,
            "pairs": judged,
            **beside(row),
        }
    ]


def _corrected(row: Row, where: str) -> list[Row]:
    """The answer as a person put it right; where nothing was left of it, there is no demonstration."""
    said = row["feedback"]["corrected-prediction"]
    question = text(row["question"], f"{where}: question")
    said = text(said, f"{where}: feedback.corrected-prediction")
    return [{"input_text": question, "output_text": said, **beside(row)}] if said.strip() else []


JUDGEMENTS = (
    Dialect(
        "prompt-chosen-rejected",
        "comparisons",
        '{"prompt": "What is a fen?", "chosen": "A wetland.", "rejected": "A bird."}',
        _chosen_rejected,
        _chosen,
    ),
    Dialect(
        "k-way",
        "comparisons",
        '{"prompt": "What is a fen?", "responses": ["A bird.", "A wetland.", "A marsh."], '
        '"ranking": [1, 2, 0]}',
        _k_way,
        _k_way_row,
        near=lambda row: _listed_answers(row) and row.get("scores") is None,
    ),
    Dialect(
        "k-way-candidates",
        "candidates",
        '{"prompt": "What is a fen?", "responses": ["A bird.", "A wetland.", "A marsh."]}',
        lambda row: _listed_answers(row) and not (_ordered(row) or row.get("scores") is not None),
        _unjudged,
    ),
    Dialect(
        "qa-feedback",
        "comparisons",
        '{"question": "What is a fen?", "prediction 1": "A bird.", "prediction 2": "A wetland.", '
        '"prediction 3": "A marsh.", "prediction 4": "Peat.", "preference": [2, 2, 0, 1, 1, 1]}',
        lambda row: "preference" in row and all(key in row for key in ("question", *PREDICTIONS)),
        _qa_feedback,
    ),
    Dialect(
        "qa-feedback-corrections",
        "demonstrations",
        '{"question": "What is a fen?", "feedback": {"corrected-prediction": "A wetland."}}',
        lambda row: (
            "question" in row
            and isinstance(row.get("feedback"), dict)
            and "corrected-prediction" in row["feedback"]
        ),
        _corrected,
    ),
)
