"""A model taken out of the workshop: a folder that plain transformers or peft loads, with its card."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assent.errors import UserError
from assent.models.adapters import ADAPTERS, CONFIG_FILE, base_of, merge
from assent.models.exporting import save_downloaded, teach_to_ask
from assent.models.load import SETTINGS_FILE, saved_settings
from assent.tools.lineage import taught_chats
from assent.tools.model_at import FoundModel, found_model
from assent.tools.model_card import CARD, Exported, card

Form = Literal["model", "adapters", "reward", "classes"]

# What transformers and people read; nothing else of a folder goes out.
WEIGHTS = ("*.safetensors", "*.safetensors.index.json", "config.json", "generation_config.json")
TOKENIZER = (
    *("tokenizer*", "vocab*", "merges.txt", "*.model", "special_tokens_map.json", "added_tokens.json"),
    *("chat_template*", "LICENSE*", SETTINGS_FILE),
)
NOT_WEIGHTS = "value_head.safetensors"  # PPO's critic, of no use outside


@dataclass(frozen=True)
class Wishes:
    """How a model goes out."""

    merge: bool = False  # adapters into the weights that they adapt
    name: str | None = None  # on the hub; by default the folder's
    licence: str | None = None  # as the hub names it
    force: bool = False  # replace what an earlier export left


def export(model: str, out: Path, wishes: Wishes, say: Callable[[str], None]) -> Path:
    """Write `out` whole, or leave it as it was; its path.

    Raises:
        UserError: there is no such model, it cannot be taken out, or `out` holds something.
    """
    found = found_model(model, say)
    _check_free(out, wishes.force, Path(found.source))
    partial = out.absolute().with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        exported = _fill(partial, found, wishes, out, say)
        (partial / CARD).write_text(card(exported, partial), encoding="utf-8")
        shutil.rmtree(out, ignore_errors=True)
        partial.replace(out)
    except OSError as error:
        raise UserError(f"{error.filename or out}: cannot be written: {error.strerror}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return out


def _fill(folder: Path, found: FoundModel, wishes: Wishes, out: Path, say: Callable[[str], None]) -> Exported:
    form, base = _form(found), ""
    source = Path(found.source)
    if form in ("reward", "classes"):
        shutil.copytree(source, folder, dirs_exist_ok=True)
        say(f"{found.source} judges answers, it writes none: its folder goes out as it is")
    elif form == "adapters" and not wishes.merge:
        adapters = source / ADAPTERS if (source / ADAPTERS).is_dir() else source
        _copy(adapters, folder, ("adapter_*",))
        _copy(source, folder, TOKENIZER)
        base = base_of(adapters)
        say(f"adapters alone, for {base or 'their base model'}; --merge puts them into its weights")
    elif (source / CONFIG_FILE).is_file():
        merge(source, folder)
        _copy(source, folder, (SETTINGS_FILE,))
    elif source.is_dir():
        _copy(source, folder, (*WEIGHTS, *TOKENIZER))
    else:
        save_downloaded(found.source, folder)
    if wishes.merge and form != "adapters":
        say(f"{found.source} has no adapters: --merge changes nothing")
    merged = form == "adapters" and wishes.merge
    if form not in ("reward", "classes"):
        _tell_how_to_ask(folder, found, say)
    shown: Form = "model" if merged else form
    return Exported(found, shown, wishes.name or out.absolute().name, wishes.licence, base, merged)


def _form(found: FoundModel) -> Form:
    """Raises UserError for a folder that holds no model."""
    folder, kind = Path(found.source), saved_settings(found.source).get("kind", "policy")
    if kind == "classes":
        return "classes"
    if kind != "policy":
        return "reward"
    if (folder / ADAPTERS).is_dir() or (folder / CONFIG_FILE).is_file():
        return "adapters"
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise UserError(
            f"model {found.source}: no config.json there: expected the folder of a model or of adapters, or "
            "that of a run"
        )
    return "model"


def _tell_how_to_ask(folder: Path, found: FoundModel, say: Callable[[str], None]) -> None:
    """Where the model has our template only, also say it in the words of transformers."""
    if not (folder / SETTINGS_FILE).is_file():
        return
    chats = found.run is not None and taught_chats(found.run, found.stage)
    if not teach_to_ask(folder, Path(found.source), chats):
        say("its tokenizer has no faithful chat template: ask as the card shows")


def _copy(source: Path, out: Path, patterns: tuple[str, ...]) -> None:
    for path in _matching(source, patterns):
        shutil.copyfile(path, out / path.name)


def _matching(source: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    found = {path for pattern in patterns for path in source.glob(pattern)}
    yield from sorted(path for path in found if path.is_file() and path.name != NOT_WEIGHTS)


def _check_free(out: Path, force: bool, source: Path) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise UserError(f"{out}: is a file: expected a folder that is not there yet")
    if not any(out.iterdir()):
        return
    here = out.resolve()
    if here in (source.resolve(), *source.resolve().parents, *Path.cwd().resolve().parents, Path.cwd()):
        raise UserError(f"{out}: holds the model itself, or this very folder: give another")
    if not (out / CARD).is_file() or not any(_matching(out, ("config.json", CONFIG_FILE, SETTINGS_FILE))):
        raise UserError(f"{out}: is not empty, and not an earlier export: give another folder")
    if not force:
        raise UserError(f"{out}: is there already; --force replaces it")
