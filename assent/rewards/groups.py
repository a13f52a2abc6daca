"""The same text about other people: word lists that anyone can edit, and the swaps they describe."""

import re
from functools import cached_property
from pathlib import Path

from pydantic import model_validator

from assent.config import Settings, check, read_yaml

BUILT_IN = Path(__file__).parent / "word_lists" / "groups.yaml"
SLOT = "{word}"


class Axis(Settings):
    """Groups of people whose words can stand for one another; word k of one list for word k of the others."""

    says: str = ""
    groups: dict[str, tuple[str, ...]]
    templates: tuple[str, ...] = ()
    prompt: str = "Tell me about somebody you know."

    @model_validator(mode="after")
    def _aligned(self) -> "Axis":
        if len(self.groups) < 2:
            raise ValueError(f"groups: expected two or more, found {len(self.groups)}")
        counts = {name: len(listed) for name, listed in self.groups.items()}
        if len(set(counts.values())) > 1 or not all(counts.values()):
            raise ValueError(f"groups: their lists must be of one length, and not empty; found {counts}")
        for name, listed in self.groups.items():
            if not all(word.strip() for word in listed):
                raise ValueError(f"groups: {name} holds an empty word")
        return self

    @property
    def names(self) -> list[str]:
        return list(self.groups)

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        """Where each word stands in its list, or lists."""
        places: dict[str, list[int]] = {}
        for listed in self.groups.values():
            for place, word in enumerate(listed):
                places.setdefault(word.casefold(), []).append(place)
        return places

    @cached_property
    def _names(self) -> set[str]:
        """The words whose capital is their own, and says nothing of where they stand."""
        return {word.casefold() for listed in self.groups.values() for word in listed if word != word.lower()}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """An article before it, and a word of the lists; the longest first, so that `men` is not `me`."""
        listed = {word for group in self.groups.values() for word in group}
        ordered = sorted(listed, key=lambda word: (-len(word), word))
        return re.compile(rf"(?:\b([Aa]n?)(\s+))?(?<!\w)({'|'.join(map(_found, ordered))})(?!\w)")

    def versions(self, *texts: str) -> list[tuple[str, ...]] | None:
        """The texts, about each group in turn; all that is not a word of the lists stays.

        Returns:
            None where they speak of no group, or where a word's counterpart is not certain.
        """
        if not any(self._pattern.search(text) for text in texts):
            return None
        written = [tuple(self._version(text, group) for text in texts) for group in self.names]
        if any(text is None for version in written for text in version):
            return None
        return [tuple(text for text in version if text is not None) for version in written]

    def _version(self, text: str, group: str) -> str | None:
        pieces, end = [], 0
        for match in self._pattern.finditer(text):
            article, space, word = match.groups()
            counterparts = {self.groups[group][place] for place in self._places[word.casefold()]}
            if len(counterparts) > 1:
                return None
            new = _cased(counterparts.pop(), word, word.casefold() in self._names)
            before = f"{_article(article, new)}{space}" if article else ""
            pieces += [text[end : match.start()], before, new]
            end = match.end()
        return "".join([*pieces, text[end:]])

    def sentences(self) -> list[tuple[int, str]]:
        """(cluster, sentence): the templates; sentences with one word put in share its cluster."""
        first = next(iter(self.groups.values()))
        found = []
        for place, template in enumerate(self.templates):
            if SLOT in template:
                found += [(-1 - index, template.replace(SLOT, word)) for index, word in enumerate(first)]
            else:
                found.append((place, template))
        return found


def axes(path: Path | None = None) -> dict[str, Axis]:
    """The axes of a YAML file, by name; without one, those that come with the package.

    Raises:
        UserError: the file is missing or is not such a file, with the axis and the key.
    """
    place = path or BUILT_IN
    return {name: check(Axis, values, f"{place}: {name}") for name, values in read_yaml(place).items()}


def _found(word: str) -> str:
    """A word of the lists as a pattern; one with a capital is a name, and found as one only."""
    if word != word.lower():
        return f"{re.escape(word)}|{re.escape(word.upper())}"
    return f"(?i:{re.escape(word)})"


def _cased(new: str, old: str, name: bool) -> str:
    if old.isupper() and len(old) > 1:
        return new.upper()
    return new[0].upper() + new[1:] if old[0].isupper() and not name else new


def _article(old: str, word: str) -> str:
    """`a` or `an`, by the letter that follows."""
    return old[0] + ("n" if word[0].lower() in "aeiou" else "")
