"""Files that the app writes and never takes: known by what stands in their rows, not by names. No Django.

Taken for what they look like, they would become judgements that nobody gave, or prompts that nobody wrote.
"""

from collections.abc import Callable, Mapping
from typing import Any

from assent.errors import UserError

_GIVE = "give the export `judgements`"
_KNOWN = ("gold", "practice", "test")


def refuse_export(row: Mapping[str, Any], where: str) -> None:
    """
    Raises:
        UserError: the row is of an export that is not for import; with what it is, and what to give instead.
    """
    for recognises, what, instead in _EXPORTS:
        if recognises(row):
            raise UserError(f"{where}: this is {what}: {instead}")


def _meta(row: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = row.get("meta")
    return meta if isinstance(meta, dict) else {}


def _of_known_items(row: Mapping[str, Any]) -> bool:
    meta = _meta(row)
    return "judgement" in meta and "expected" in meta and meta.get("part") in _KNOWN


def _surplus(row: Mapping[str, Any]) -> bool:
    meta = _meta(row)
    return "judgement" in meta and meta.get("surplus") is True


def _votes(row: Mapping[str, Any]) -> bool:
    meta = _meta(row)
    return isinstance(meta.get("votes"), list) and type(meta.get("judgements")) is int


def _of_thumbs(row: Mapping[str, Any]) -> bool:
    meta = _meta(row)
    return "conversation" in meta and meta.get("from") in FROM_CHATS


def _has(*keys: str) -> Callable[[Mapping[str, Any]], bool]:
    wanted = frozenset(keys)
    return lambda row: wanted <= row.keys()


THUMBS, AGAIN = "thumbs", "answers made again"  # `meta.from` of what chats give
FROM_CHATS = (THUMBS, AGAIN)
_CHATS = "which is no judgement of this project's items. Training reads the file as it is"
_EXPORTS: tuple[tuple[Callable[[Mapping[str, Any]], bool], str, str], ...] = (
    (
        _of_known_items,
        "an export of gold or qualification, what people answered where the answer is known",
        f"for judgements {_GIVE}; for gold, practice and test the file that they were made of",
    ),
    (
        _surplus,
        "an export of surplus, which came when its item had all its judgements",
        f"{_GIVE}, or remove meta.surplus to count these among them",
    ),
    (_votes, "an export of votes, shares of what several people said", f"{_GIVE}, which says who said what"),
    (_of_thumbs, "an export of what people did in chats", _CHATS),
    (
        _has("implicit", "conversation", "turn", "kind"),
        "the export implicit, what people did in chats",
        _CHATS,
    ),
    (_has("item", "annotator", "reason", "at"), "an export of skips, reasons for not judging", _GIVE),
    (_has("item", "annotator", "flag", "at"), "an export of flags, what is wrong with items", _GIVE),
    (
        _has("version", "text", "by", "at"),
        "an export of guidelines",
        "a guideline is given as Markdown, by the setting guideline or on its page",
    ),
)
