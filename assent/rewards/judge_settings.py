"""The settings of an LLM that judges answers over HTTP. The key itself never stands among them."""

import re
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from assent.config import DataFile, Settings
from assent.rewards.chat_api import Calls

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class JudgeSampling(Settings):
    """How the judge itself writes. None leaves a field out, for servers that refuse it."""

    temperature: float | None = Field(default=0.0, ge=0)
    seed: int | None = Field(default=0, ge=0)
    max_tokens: int = Field(default=256, ge=1)  # a model that thinks aloud first needs more
    limit_key: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"  # newer servers know the second


class Price(Settings):
    """What a million tokens cost, in the currency of `max_cost`."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)


class Budget(Settings):
    """What may be spent on this model at this address, over all runs that share the cache."""

    in_key: ClassVar[bool] = False  # raising it goes on with what was begun

    max_requests: int | None = Field(default=None, ge=1)
    max_tokens: int | None = Field(default=None, ge=1)  # read and written
    max_cost: float | None = Field(default=None, gt=0)
    price_per_million_tokens: Price | None = None

    @model_validator(mode="after")
    def _priced(self) -> "Budget":
        if self.max_cost is not None and self.price_per_million_tokens is None:
            raise ValueError("max_cost needs price_per_million_tokens: {input: ..., output: ...}")
        return self


class Judge(Settings):
    """A chat model behind an OpenAI-compatible address."""

    url: str  # up to and with /v1
    model: str = Field(min_length=1)
    key_env: str | None = None  # the environment variable that holds the key
    rubric: str | None = None  # what makes an answer good; there is a default
    sampling: JudgeSampling = JudgeSampling()
    reminders: int = Field(default=2, ge=0)  # how often a reply in another form is asked for again
    calls: Calls = Calls()
    budget: Budget = Budget()
    cache: str | None = None  # a folder to share answers over stages and runs; default: the stage's own

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.username or parts.password:
            raise ValueError("name and password do not belong in an address: use key_env")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("expected an address such as https://api.example.com/v1")
        return url.rstrip("/")

    @field_validator("key_env")
    @classmethod
    def _name_of_a_variable(cls, name: str | None) -> str | None:
        if name is not None and (not VARIABLE.fullmatch(name) or _like_a_key(name)):
            raise ValueError(  # without what was found: it may be the key
                "expected the name of an environment variable, such as JUDGE_API_KEY, never the key itself: "
                "keys do not belong in a recipe. If this was a key, it has been seen: make a new one"
            )
        return name


def _like_a_key(name: str) -> bool:
    """Long, with digits and no words between underscores: people do not name variables so."""
    return (
        len(name) >= 20
        and any(letter.isdigit() for letter in name)
        and (any(letter.islower() for letter in name) and any(letter.isupper() for letter in name))
    ) or bool(re.match(r"(sk|pk|gsk|hf|key)_[A-Za-z0-9]{16,}", name))


class ScoringJudge(Judge):
    """`judge:` of a reward: a number on a scale, or how often an answer beats a known one."""

    mode: Literal["scalar", "pairwise"] = "scalar"
    scale: tuple[float, float] = (1.0, 10.0)  # lowest, highest; what `scalar` returns is on it
    against: DataFile | None = None  # demonstrations: the known answer to each prompt, for `pairwise`

    @model_validator(mode="after")
    def _fits_its_mode(self) -> "ScoringJudge":
        if (self.mode == "pairwise") != (self.against is not None):
            raise ValueError(
                "mode: pairwise needs against: a file of known answers; mode: scalar has no use for one"
            )
        if not self.scale[0] < self.scale[1]:
            raise ValueError(f"scale: expected [lowest, highest], found {list(self.scale)}")
        return self


class ComparingJudge(Judge):
    """`judge:` of an annotate stage: which of several answers is best."""

    criterion: str = ""  # what it judges by, kept with each judgement
