import json
import os
import pickle
import signal
import sys
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
import transformers
from known_recipes import pickled_classifier
from safetensors.torch import load_file
from tiny_folders import tiny_folder

from assent.errors import Interrupted, UserError
from assent.models import torch_weights
from assent.models.classifier_files import load_classifier
from assent.models.load import load
from assent.models.torch_weights import in_safetensors

ONE = "pytorch_model.bin"
TEXTS = ["Once upon a time.", "She loved to play outside in the park."]


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def pickled(path: Path, family: str) -> dict[str, torch.Tensor]:
    """Make a folder's weights a pickle; the weights."""
    state = load_file(tiny_folder(family, path) / "model.safetensors")
    (path / "model.safetensors").unlink()
    torch.save(OrderedDict(state), path / "pytorch_model.bin")
    return state


def their_logits(path: Path) -> torch.Tensor:
    network = transformers.AutoModelForSequenceClassification.from_pretrained(path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    with torch.no_grad():
        return torch.cat([network(**tokenizer(text, return_tensors="pt")).logits for text in TEXTS])


def test_a_classifier_gives_the_logits_that_transformers_reads_off_the_pickle(tmp_path):
    path = pickled_classifier(tmp_path / "cola", 2, seed=1)
    classifier = load_classifier(in_safetensors(str(path), "torch"))
    with torch.no_grad():
        ours = classifier.logits(classifier.tokens([classifier.encode(text) for text in TEXTS]))
    torch.testing.assert_close(ours, their_logits(path), rtol=1e-5, atol=1e-5)
    assert classifier.labels == ("LABEL_0", "LABEL_1")


def test_it_is_off_by_default_and_the_refusal_names_it(tmp_path):
    path = pickled_classifier(tmp_path / "cola", 2, seed=1)
    with pytest.raises(UserError, match=r"pytorch_model\.bin, give `weights: torch` beside `model`"):
        load_classifier(str(path))
    pickled(tmp_path / "gpt2", "gpt2")
    with pytest.raises(UserError, match="weights: torch"):
        load(str(tmp_path / "gpt2"))
    assert in_safetensors(str(path), "safetensors") == str(path)


def test_safetensors_lie_beside_in_a_hidden_folder_and_are_made_once(tmp_path):
    path = pickled_classifier(tmp_path / "cola", 2, seed=1)
    made = Path(in_safetensors(str(path), "torch"))
    assert made.parent == path / ".assent"
    state = torch.load(path / "pytorch_model.bin", weights_only=True)
    found = load_file(made / "model.safetensors")
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) for name in state)
    before = (made / "model.safetensors").stat().st_mtime_ns
    assert in_safetensors(str(path), "torch") == str(made)
    assert (made / "model.safetensors").stat().st_mtime_ns == before
    assert [entry.name for entry in made.parent.iterdir()] == [made.name]


def test_a_changed_pickle_or_setting_is_made_anew(tmp_path):
    path = pickled_classifier(tmp_path / "cola", 2, seed=1)
    first = in_safetensors(str(path), "torch")
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**config, "id2label": {"0": "no", "1": "yes"}}))
    state = torch.load(path / ONE, weights_only=True)
    torch.save({name: value + 1 for name, value in state.items()}, path / ONE)
    second = in_safetensors(str(path), "torch")
    assert first != second
    assert load_classifier(second).labels == ("no", "yes")
    name, value = next(iter(state.items()))
    torch.testing.assert_close(load_file(Path(second) / "model.safetensors")[name], value + 1)


def test_a_folder_that_cannot_be_written_is_left_alone(tmp_path, monkeypatch):
    path = pickled_classifier(tmp_path / "cola", 2, seed=1)
    monkeypatch.setattr(os, "access", lambda _path, mode: mode != os.W_OK)  # to root all folders are open
    made = Path(in_safetensors(str(path), "torch"))
    assert made.parent == tmp_path / "cache" / "assent" / "weights"
    assert not (path / ".assent").exists()
    assert len(load_classifier(str(made)).labels) == 2


def test_a_hub_model_is_made_in_our_cache_from_the_hubs(tmp_path, monkeypatch):
    """The layout of the hub's cache: blobs, and a snapshot of links to them."""
    path = pickled_classifier(tmp_path / "cola", 3, seed=1)
    cache = tmp_path / "hub"
    repository = cache / "models--somebody--cola"
    snapshot = repository / "snapshots" / ("a" * 40)
    for folder in (snapshot, repository / "blobs", repository / "refs"):
        folder.mkdir(parents=True)
    (repository / "refs" / "main").write_text("a" * 40)
    for number, file in enumerate(sorted(path.iterdir())):
        blob = repository / "blobs" / str(number)
        blob.write_bytes(file.read_bytes())
        (snapshot / file.name).symlink_to(blob)
    fetched = torch_weights.snapshot_download
    monkeypatch.setattr(
        torch_weights,
        "snapshot_download",
        lambda source, **more: fetched(source, **more, cache_dir=cache, local_files_only=True),
    )
    made = Path(in_safetensors("somebody/cola", "torch"))
    assert made.parent == tmp_path / "cache" / "assent" / "weights"
    assert not list(snapshot.glob("**/.assent"))
    assert load_classifier(str(made)).labels == ("LABEL_0", "LABEL_1", "LABEL_2")


def test_a_hub_model_that_cannot_be_reached(monkeypatch):
    def unreachable(source, **_more):
        raise OSError(f"no network\nto {source}")

    monkeypatch.setattr(torch_weights, "snapshot_download", unreachable)
    with pytest.raises(UserError, match=r"model some/body: cannot be loaded: no network\. Expected"):
        in_safetensors("some/body", "torch")


@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_language_models_with_tied_weights(tmp_path, family):
    """In a pickle tied weights are one piece of memory under two names."""
    pickled(tmp_path / "m", family)
    network = getattr(
        transformers, "AutoModelForSeq2SeqLM" if family == "t5" else "AutoModelForCausalLM"
    ).from_pretrained(tmp_path / "m")
    torch.save(network.state_dict(), tmp_path / "shared.bin")  # not over what transformers has mapped
    (tmp_path / "shared.bin").replace(tmp_path / "m" / ONE)
    model, _ = load(in_safetensors(str(tmp_path / "m"), "torch"))
    theirs = network.state_dict()
    assert model.network.state_dict().keys() == theirs.keys()
    assert all(torch.equal(value, theirs[name]) for name, value in model.network.state_dict().items())
    head, words = model.network.get_output_embeddings(), model.network.get_input_embeddings()
    assert (head.weight is words.weight) == (
        network.get_output_embeddings().weight is network.get_input_embeddings().weight
    )


def test_views_of_one_memory_keep_their_values(tmp_path):
    whole = torch.arange(12.0).view(3, 4)
    torch.save({"whole": whole, "row": whole[1], "turned": whole.T, "none": torch.zeros(0)}, tmp_path / ONE)
    assert torch_weights.main(str(tmp_path), str(tmp_path)) == 0
    found = load_file(tmp_path / "model.safetensors")
    assert found["row"].tolist() == [4.0, 5.0, 6.0, 7.0]
    assert found["turned"].tolist() == [[0.0, 4.0, 8.0], [1.0, 5.0, 9.0], [2.0, 6.0, 10.0], [3.0, 7.0, 11.0]]
    assert found["none"].shape == (0,)


def test_shards_with_their_index(tmp_path):
    state = pickled(tmp_path / "m", "llama")
    (tmp_path / "m" / ONE).unlink()
    names = sorted(state)
    halves = {"pytorch_model-00001-of-00002.bin": names[::2], "pytorch_model-00002-of-00002.bin": names[1::2]}
    for file, chosen in halves.items():
        torch.save({name: state[name] for name in chosen}, tmp_path / "m" / file)
    weight_map = {name: file for file, chosen in halves.items() for name in chosen}
    index = {"metadata": {"total_size": 1}, "weight_map": weight_map}
    (tmp_path / "m" / f"{ONE}.index.json").write_text(json.dumps(index))
    model, _ = load(in_safetensors(str(tmp_path / "m"), "torch"))
    assert all(torch.equal(value, state[name]) for name, value in model.network.state_dict().items())
    (tmp_path / "m" / "pytorch_model-00002-of-00002.bin").unlink()
    with pytest.raises(UserError, match=r"no pytorch_model-00002-of-00002\.bin there"):
        in_safetensors(str(tmp_path / "m"), "torch")
    index["weight_map"]["a"] = "../../secret.bin"
    (tmp_path / "m" / f"{ONE}.index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match="expected the name of a file in the same folder"):
        in_safetensors(str(tmp_path / "m"), "torch")


def test_the_older_format_of_torch(tmp_path):
    state = pickled(tmp_path / "m", "gpt2")
    torch.save(state, tmp_path / "m" / ONE, _use_new_zipfile_serialization=False)
    assert torch_weights.main(str(tmp_path / "m"), str(tmp_path)) == 0
    found = load_file(tmp_path / "model.safetensors")
    assert all(torch.equal(found[name], value) for name, value in state.items())


class Evil:
    """What a pickle can do to whoever loads it."""

    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("where", ["value", "top", "plain"])
def test_a_pickle_that_runs_code_does_not(tmp_path, where):
    path, marker = pickled_classifier(tmp_path / "cola", 2, seed=1), tmp_path / "marker"
    evil = Evil(marker)
    if where == "plain":
        (path / ONE).write_bytes(pickle.dumps(evil))
        pickle.loads((path / ONE).read_bytes())
        assert marker.exists()
        marker.unlink()
    else:
        torch.save(evil if where == "top" else {"weight": torch.ones(1), "more": evil}, path / ONE)
    refused = (
        "no plain table" if where == "plain" else r"more than plain tensors: \w+\.system, which could run"
    )
    with pytest.raises(UserError, match=refused):
        in_safetensors(str(path), "torch")
    assert not marker.exists()
    assert list((path / ".assent").iterdir()) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"weight": 3}, "weight: expected a tensor, found int"),
        ([torch.ones(1)], "expected weights by name, found list"),
        ({"state_dict": {"weight": torch.ones(1)}}, "state_dict: expected a tensor, found dict"),
    ],
)
def test_what_is_no_table_of_weights(tmp_path, content, message, capsys):
    torch.save(content, tmp_path / ONE)
    assert torch_weights.main(str(tmp_path), str(tmp_path)) == torch_weights.REFUSED
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("left", [0, 2000])
def test_a_damaged_pickle(tmp_path, left):
    path = pickled_classifier(tmp_path / "cola", 2, seed=1)
    (path / ONE).write_bytes((path / ONE).read_bytes()[:left])
    with pytest.raises(UserError, match=r"cannot be read, and may be damaged: \w+Error"):
        in_safetensors(str(path), "torch")


def test_nothing_there(tmp_path):
    tiny_folder("gpt2", tmp_path / "m")
    assert in_safetensors(str(tmp_path / "m"), "torch") == str(tmp_path / "m")  # it has safetensors
    (tmp_path / "m" / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"no pytorch_model\.bin there"):
        in_safetensors(str(tmp_path / "m"), "torch")


@pytest.mark.parametrize(
    ("ended", "kind", "message"),
    [
        (signal.SIGKILL, UserError, "ended by signal SIGKILL, as happens when memory runs out"),
        (signal.SIGSEGV, UserError, "ended by signal SIGSEGV"),
        (signal.SIGTERM, Interrupted, "stopped while the weights"),
    ],
)
def test_the_process_is_killed(tmp_path, monkeypatch, ended, kind, message):
    path = pickled_classifier(tmp_path / "cola", 2, seed=1)
    python = tmp_path / "python"  # dies of the signal, whatever it is asked
    python.write_text(f"#!/bin/sh\nkill -{int(ended)} $$\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(kind, match=message):
        in_safetensors(str(path), "torch")
    assert list((path / ".assent").iterdir()) == []


def test_the_process_knows_no_keys(tmp_path, monkeypatch):
    """Of the environment it is given only what a program needs to start."""
    path = pickled_classifier(tmp_path / "cola", 2, seed=1)
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nenv >&2\nexit 3\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setenv("JUDGE_API_KEY", "secret")
    seen = []
    run = torch_weights.subprocess.run
    monkeypatch.setattr(
        torch_weights.subprocess, "run", lambda *a, **k: seen.append(run(*a, **k)) or seen[-1]
    )
    with pytest.raises(UserError):
        in_safetensors(str(path), "torch")
    assert "PATH" in seen[0].stderr
    assert "secret" not in seen[0].stderr
