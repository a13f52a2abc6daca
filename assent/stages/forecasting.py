"""Rough sums for `forecast`: right within a factor of two, and told before anything runs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from assent.data.files.containers import count_rows, raw_rows
from assent.data.files.streams import HUB, ROWS, TEXTS, files, is_packed
from assent.models.hub import hub_size
from assent.models.load import saved_size
from assent.models.sampler import Sampling
from assent.stages.common import Training
from assent.stages.workspace import Forecast

BYTES_A_TOKEN = 4.0  # English under a byte-level BPE; a small vocabulary needs more tokens
PACKED = 3.0  # how much longer a text is than what gzip makes of it
FIRST_ROWS = 200  # enough for a mean length that is right within a factor of two
ADAM_BYTES = 12.0  # gradient and two moments in float32, beside the weight's own 4
ACTIVATION_FLOATS = (
    34  # kept for the gradient by a transformer layer, a token and unit of width: arXiv:2205.05198
)


def rows(source: str, inputs: Mapping[str, Forecast]) -> int:
    """How many rows a source has, or will have; 0 where that is not known before it is loaded."""
    known = inputs.get(source)
    if known is not None and known.rows is not None:
        return known.rows
    if source.startswith("$"):
        return 0
    return count_rows(source) or 0


def tokens_a_row(source: str) -> float:
    """Mean length of the rows of a source that is there, from its bytes."""
    if source.startswith(("$", HUB)):
        return 64.0
    paths = files(source, ROWS)
    if any(is_packed(path) for path in paths):
        return max(8.0, _bytes_of_first_rows(source) / BYTES_A_TOKEN)
    return max(8.0, sum(path.stat().st_size for path in paths) / BYTES_A_TOKEN / max(1, rows(source, {})))


def text_bytes(source: str) -> float:
    """The size of plain text, unpacked."""
    paths = files(source, TEXTS)
    return sum(path.stat().st_size * (PACKED if is_packed(path) else 1.0) for path in paths)


def _bytes_of_first_rows(source: str) -> float:
    """A row's mean length as JSON, by the first few: the size of a packed file does not tell."""
    bad: list[str] = []  # told by the stage that reads them
    first = [row for _, row in islice(raw_rows(source, lambda *told: bad.append(told[0])), FIRST_ROWS)]
    return sum(len(json.dumps(row, ensure_ascii=False).encode()) for row in first) / max(1, len(first))


def model(source: str, inputs: Mapping[str, Forecast]) -> Forecast:
    """Parameters and layers of a model that another stage makes, or of a folder."""
    if source in inputs:
        return inputs[source]
    if Path(source).is_dir():
        parameters, layers = saved_size(source)
        return Forecast(parameters=parameters, layers=layers)
    known = hub_size(source)
    return Forecast() if known is None else Forecast(parameters=known[0], layers=known[1])


def training(config: Training, rows: int, tokens: float, model: Forecast, learns: float) -> Forecast:
    """A stage that makes updates from rows of `tokens` tokens; a share `learns` of the weights changes."""
    steps = config.updates(rows)
    parameters, layers = model.parameters or 0.0, model.layers or 1
    passes = steps * -(-config.batch // config.micro_batch)
    width = (parameters / 12 / layers) ** 0.5
    activations = min(config.batch, config.micro_batch) * tokens * width * layers * ACTIVATION_FLOATS
    return Forecast(
        flops=6 * parameters * steps * config.batch * tokens,
        calls=passes * layers * 3.0,
        memory_bytes=4 * parameters + ADAM_BYTES * parameters * learns + activations,
        disk_bytes=4 * parameters + 2 * ADAM_BYTES * parameters * learns,
        steps=steps,
        epochs=steps * config.batch / rows if rows else None,
        parameters=parameters,
        layers=layers,
    )


def answering(
    answers: float, batch: int, sampling: Sampling, model: Forecast, prompt_tokens: float = 64
) -> Forecast:
    """Drawing answers: each token of a batch is one small pass through every layer."""
    parameters, layers = model.parameters or 0.0, model.layers or 1
    batches = -(-answers // batch)
    return Forecast(
        flops=2 * parameters * answers * (prompt_tokens + sampling.max_new_tokens),
        calls=batches * sampling.max_new_tokens * layers,
        memory_bytes=4 * parameters,
    )


def total(parts: Sequence[Forecast]) -> Forecast:
    """Work after work: times add up, the largest memory counts."""
    return Forecast(
        flops=sum(part.flops for part in parts),
        calls=sum(part.calls for part in parts),
        memory_bytes=max(part.memory_bytes for part in parts),
        disk_bytes=sum(part.disk_bytes for part in parts),
    )


def with_rows(work: Forecast, rows: int, disk_bytes: float) -> Forecast:
    return replace(work, rows=rows, disk_bytes=disk_bytes)


def with_length(work: Forecast, steps: int, epochs: float | None, model: Forecast) -> Forecast:
    return replace(work, steps=steps, epochs=epochs, parameters=model.parameters, layers=model.layers)
