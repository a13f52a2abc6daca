"""Types and shapes of every tensor are checked in the tests; the models are tiny and random."""

import socket
from pathlib import Path

from jaxtyping import install_import_hook

ROOMS = ["batch", "functional", "models", "data", "training", "rewards"]
install_import_hook([f"assent.{room}" for room in ROOMS], "type_checking.checked")

import pytest  # noqa: E402 - the hook must come before the first import of assent
import torch  # noqa: E402
from checklist_models import VARIANTS, folder_with_dropout, party_of  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402
from tiny_models import SENTENCES, tiny  # noqa: E402

from assent.models.load import load  # noqa: E402
from assent.models.tokenizer import train_bpe  # noqa: E402

# Machines are shared: how long an example takes says nothing of the code.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

STORIES = Path(__file__).parents[2] / "shared" / "models" / "stories260K"


@pytest.fixture(autouse=True, scope="module")
def _repeatable_fixtures():
    """What the tests of a file share is made before `_repeatable`: else it hung on the file before."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _repeatable():
    torch.set_num_threads(1)  # tiny products: handing them to a second thread costs more than it saves
    torch.manual_seed(0)


@pytest.fixture
def bpe():
    """A byte-level tokenizer with a few merges; one special token begins, ends and pads."""
    return train_bpe(SENTENCES, 300)


@pytest.fixture
def gpt2(bpe):
    return tiny("gpt2", bpe)


@pytest.fixture
def llama(bpe):
    return tiny("llama", bpe)


@pytest.fixture
def stories():
    """A model of 260 thousand weights that writes children's stories: github.com/karpathy/llama2.c."""
    if not (STORIES / "model.safetensors").is_file():
        pytest.skip(f"{STORIES} is not there: it holds a copy of stories260K")
    model, tokenizer = load(str(STORIES))
    return model.eval(), tokenizer


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """One random model a family of the checklist, on disk; nothing writes there."""
    root = tmp_path_factory.mktemp("folders")
    families = sorted({variant.family for variant in VARIANTS})
    return {family: folder_with_dropout(family, root / family) for family in families}


@pytest.fixture(params=VARIANTS, ids=str)
def variant(request):
    return request.param


@pytest.fixture
def party(variant, folders):
    return party_of(variant, folders[variant.family])


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]
