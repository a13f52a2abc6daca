"""How large a model under a hub id is, as far as this machine knows: nothing is asked of the network."""

import re
from pathlib import Path

from huggingface_hub import try_to_load_from_cache

from assent.models.load import saved_size

# A model of L layers is about 128 L wide, and a layer has 12 width^2 weights: so its depth is told within a
# factor of two for published families from 100 million to 100 billion weights.
WEIGHTS_OF_DEPTH = 12 * 128**2
BILLIONS = {"b": 1e9, "m": 1e6}


def hub_size(source: str) -> tuple[float, int] | None:
    """(parameters, layers) of a hub model: of the copy that is here, or as its name tells, such as `7b`.

    None where neither says. Depth is guessed from a size that a name tells.
    """
    found = try_to_load_from_cache(source, "config.json")
    if isinstance(found, str):
        size = saved_size(str(Path(found).parent))
        if size[0]:
            return size
    told = re.search(r"(?:^|[-_/])(\d+(?:\.\d+)?)([bm])(?=$|[-_.])", source.lower())
    if told is None:
        return None
    parameters = float(told[1]) * BILLIONS[told[2]]
    return parameters, max(1, round((parameters / WEIGHTS_OF_DEPTH) ** (1 / 3)))
