"""Regular expressions with a time limit.

Python's `re` cannot be interrupted, and a pattern such as `(a+)+$` takes longer than anybody lives on an
answer of forty letters. So the matching is done in a process of its own, which is killed when the time is
over.
"""

import json
import re
import subprocess
import sys
from collections.abc import Sequence

from assent.errors import RewardError, UserError

SECONDS = 10.0  # for all answers of a call
LONGEST_CHARACTERS = 100_000

# One line an answer, so that it is known which one took too long: null, or the last match and its groups.
PROGRAM = """
import json, re, sys
job = json.load(sys.stdin)
pattern = re.compile(job["pattern"])
for text in job["texts"]:
    if job["whole"]:
        found = pattern.fullmatch(text)
    else:
        found = None
        for found in pattern.finditer(text):
            pass
    print(json.dumps(found and [found[0], *found.groups()]), flush=True)
"""


def compiled(pattern: str) -> re.Pattern[str]:
    """Raises ValueError, in words for a recipe, where it is no regular expression."""
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression of Python's: {error}") from None


def matches(
    pattern: str, texts: Sequence[str], whole: bool = False, seconds: float = SECONDS
) -> list[list[str | None] | None]:
    """For each text None, or [the match, *its groups]: of the whole text, or the last one anywhere in it.

    Raises:
        RewardError: a text of more than 100,000 characters, or no end within `seconds`; naming the text.
    """
    for index, text in enumerate(texts):
        if len(text) > LONGEST_CHARACTERS:
            raise RewardError(
                f"answer {index} has {len(text)} characters; a pattern reads {LONGEST_CHARACTERS} at most"
            )
    job = json.dumps({"pattern": pattern, "texts": list(texts), "whole": whole})
    command = [sys.executable, "-I", "-S", "-W", "ignore", "-c", PROGRAM]
    try:
        done = subprocess.run(command, input=job, capture_output=True, text=True, timeout=seconds, check=True)
    except subprocess.TimeoutExpired as error:
        told = min((error.stdout or b"").count(b"\n"), len(texts) - 1)
        raise RewardError(
            f"the pattern {pattern!r} found no end within {seconds:g} s on answer {told} "
            f"({texts[told]!r:.80}): write it without nested repeats"
        ) from None
    except subprocess.CalledProcessError as error:
        raise UserError(f"the pattern {pattern!r}: {error.stderr.strip()[-300:]}") from None
    return [json.loads(line) for line in done.stdout.splitlines()]
