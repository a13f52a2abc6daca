"""Rows of data sets on the Hugging Face hub, and of folders laid out as such, through `datasets`."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assent.data.files.parquet import plain_rows
from assent.data.files.streams import HUB, OnBad, Row
from assent.errors import UserError
from assent.extras import extra

_FORM = re.compile(r"hub:(?P<name>[^@:]+)(@(?P<config>[^@:]+))?(:(?P<split>.+))?")
_LONGEST_REASON = 600  # characters of the library's own words: it may list every file it looked for


@dataclass(frozen=True)
class HubSet:
    """`hub:org/name@config:split`, or `hub:/absolute/folder@config:split`."""

    name: str
    config: str | None
    split: str

    @classmethod
    def of(cls, source: str) -> "HubSet":
        """What a source names. Without a split it is `train`.

        Raises:
            UserError: not of that form.
        """
        form = _FORM.fullmatch(source)
        if form is None:
            raise UserError(
                f"{source}: expected hub:ORG/NAME[@CONFIG][:SPLIT], such as hub:org/name@default:train[:1000]"
            )
        return cls(form["name"], form["config"], form["split"] or "train")

    def below(self, folder: Path) -> "HubSet":
        """The same, where a relative folder (`hub:./tables`) starts from `folder`."""
        return replace(self, name=os.path.normpath(folder / self.name)) if self.folder else self

    def __str__(self) -> str:
        return f"{HUB}{self.name}{'@' + self.config if self.config else ''}:{self.split}"

    @property
    def folder(self) -> str | None:
        """Where it lies, if it is a folder here: its name begins with `/`, `./` or `../`."""
        return self.name if self.name.startswith(("/", "./", "../")) else None


def read_hub(source: str, bad: OnBad | None = None) -> Iterator[tuple[str, Row]]:
    """(where, row) of each row; `where` is `hub:org/name:train: row 3`, counted from 1.

    The set is fetched once and then read from the library's cache, which the system maps into memory page by
    page. No code of a set is ever run.

    Raises:
        UserError: `datasets` is not installed; no such set, config or split; no network and not in the cache.
    """
    wanted = HubSet.of(source)
    yield from plain_rows(_loaded(wanted), str(wanted), bad)


def count_hub(source: str) -> int | None:
    """How many rows a folder has; None for a set on the hub, which would have to be fetched."""
    wanted = HubSet.of(source)
    return len(_loaded(wanted)) if wanted.folder else None


def _loaded(wanted: HubSet) -> Any:
    """The split as a `datasets.Dataset`."""
    datasets = extra("datasets", "hub", str(wanted))
    if wanted.folder is not None and not os.path.isdir(wanted.folder):
        raise UserError(f"{wanted}: no folder {wanted.folder}")
    if wanted.folder is None and os.path.isdir(wanted.name):  # the library would take it without a word
        raise UserError(
            f"{wanted}: a folder of that name is here: write {HUB}./{wanted.name}, or go elsewhere"
        )
    shown = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()  # the stage that reads has a bar of its own
    try:
        return datasets.load_dataset(wanted.name, wanted.config, split=wanted.split)
    except (OSError, ValueError, RuntimeError, KeyError, datasets.exceptions.DatasetsError) as error:
        raise UserError(_advice(wanted, error)) from None
    finally:
        if shown:
            datasets.enable_progress_bars()


def _advice(wanted: HubSet, error: Exception) -> str:
    said = f"{type(error).__name__}: {error}" + (f" ({error.__cause__})" if error.__cause__ else "")
    reason = " ".join(said.split())[:_LONGEST_REASON].rstrip(".")
    where = "that folder" if wanted.folder else "https://huggingface.co/datasets, and the network"
    return (
        f"{wanted}: cannot be loaded: {reason}. Check the name, the config after @ "
        f"and the split after the colon against {where}"
    )
