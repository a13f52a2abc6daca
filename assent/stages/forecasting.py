"""Rough sums for `forecast`: right within a factor of two, and told before anything runs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from assent.data.sources import files
from assent.models.load import saved_size
from assent.models.sampler import Sampling
from assent.stages.common import Training
from assent.stages.workspace import Forecast

BYTES_A_TOKEN = 4.0  # English under a byte-level BPE; a small vocabulary needs more tokens
ADAM_BYTES = 12.0  # gradient and two moments in float32, beside the weight's own 4
ACTIVATION_FLOATS = (
    34  # kept for the gradient by a transformer layer, a token and unit of width: arXiv:2205.05198
)


def rows(source: str, inputs: Mapping[str, Forecast]) -> int:
    """How many rows a file has, or will have."""
    known = inputs.get(source)
    if known is not None and known.rows is not None:
        return known.rows
    if source.startswith("$"):
        return 0
    count = 0
    for path in files(source):
        with path.open("rb") as file:
            count += sum(1 for line in file if line.strip())
    return count


def tokens_a_row(source: str) -> float:
    """Mean length of the rows of a file that is there, from its bytes."""
    if source.startswith("$"):
        return 64.0
    paths = files(source)
    return max(8.0, sum(path.stat().st_size for path in paths) / BYTES_A_TOKEN / max(1, rows(source, {})))


def model(source: str, inputs: Mapping[str, Forecast]) -> Forecast:
    """Parameters and layers of a model that another stage makes, or of a folder."""
    if source in inputs:
        return inputs[source]
    if Path(source).is_dir():
        parameters, layers = saved_size(source)
        return Forecast(parameters=parameters, layers=layers)
    return Forecast()  # a hub id: not known before it is loaded


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
        epochs=steps * config.batch / max(1, rows),
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


def with_length(work: Forecast, steps: int, epochs: float, model: Forecast) -> Forecast:
    return replace(work, steps=steps, epochs=epochs, parameters=model.parameters, layers=model.layers)
