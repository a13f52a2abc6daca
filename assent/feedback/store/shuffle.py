"""In which order somebody sees the answers to an item."""

import hashlib
import hmac
from collections.abc import Sequence


def order(secret: str, named: Sequence[int], count: int) -> list[int]:
    """Candidate numbers from left to right, drawn by the project's secret for `named`: person, item, attempt.

    Each order is as likely as any other, the same again for the same names, and nobody without the secret can
    tell it beforehand. Every candidate draws 256 bits, and they stand in the order of what they drew.
    """
    key = bytes.fromhex(secret)
    who = ":".join(str(number) for number in named)
    drawn = [hmac.digest(key, f"{who}:{candidate}".encode(), hashlib.sha256) for candidate in range(count)]
    return sorted(range(count), key=lambda candidate: drawn[candidate])
