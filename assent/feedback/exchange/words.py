"""Which of somebody's words on an item a row says that has no number. No Django.

Such a row gets a number that is made of what it says, so that the same file again adds nothing. Whoever says
one thing, then another, then the first again has said three: the third is the first one's second time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Words:
    """What one import has met of what one person said of one item."""

    last: str = ""
    times: dict[str, int] = field(default_factory=dict)
    new: bool = False  # one of them was not there before: what follows is newer than all that was

    def time(self, text: str, there: Callable[[int], bool]) -> int:
        """For which time this is said now, from 1. Said twice in a row, it is said once.

        Args:
            there: whether its being said for that time is stored.
        """
        if text == self.last:
            return self.times[text]
        time = self.times.get(text, 0) + 1
        while self.new and there(time):
            time += 1
        self.last, self.times[text] = text, time
        self.new = self.new or not there(time)
        return time
