"""Which UUIDs may be stored already, in little memory: asking the database for each of a million costs more.

A bit for each value of a UUID's last digits, which are drawn at random in every version that is in use
(Bloom, "Space/time trade-offs in hash coding with allowable errors", 1970, with one hash). A bit that is not
set is certain. Of one that is set the database has to be asked: with a million stored, of one in seventeen.
"""

from collections.abc import Iterable

from django.db import connection

_DIGITS, _BITS = 6, 24  # of the end of a UUID
_SINCE = "SELECT uuid FROM feedback_judgement WHERE id > ?"
_LAST = "SELECT coalesce(max(id), 0) FROM feedback_judgement"


class Met:
    """The UUIDs of the judgements in the database, roughly."""

    def __init__(self):
        self._bits = bytearray(2**_BITS // 8)
        self._last = 0

    def maybe(self, uuids: Iterable[str]) -> list[str]:
        """Those of them that may be there; all others are not. Inside `writing()`."""
        self._catch_up()
        bits, found = self._bits, []
        for uuid in uuids:
            place = int(uuid[-_DIGITS:], 16)
            if bits[place >> 3] >> (place & 7) & 1:
                found.append(uuid)
        return found

    def _catch_up(self) -> None:
        """What was stored since: by this import, and by others between two of its transactions."""
        bits, ask = self._bits, connection.connection.execute
        for (uuid,) in ask(_SINCE, (self._last,)):
            place = int(uuid[-_DIGITS:], 16)
            bits[place >> 3] |= 1 << (place & 7)
        [self._last] = ask(_LAST).fetchone()
