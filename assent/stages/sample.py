"""Candidate answers: k a prompt, with the model and the settings that wrote them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import Field

from assent.config import DataFile
from assent.data.files.jsonl import append_lines
from assent.data.sources import candidates_row, prompts
from assent.errors import Interrupted
from assent.models.language_model import LanguageModel
from assent.models.load import load, weights_hash
from assent.models.sampler import Sampling, sample
from assent.models.tokenizer import Tokenizer
from assent.records import Prompt
from assent.stages import forecasting
from assent.stages.common import check_lengths
from assent.stages.starting_model import StartingModel
from assent.stages.workspace import Forecast, Workspace
from assent.training import parallel
from assent.training.checkpoint import generator_of

VERSION = 1
RESULT = "candidates.jsonl"
TRAINS_ON = ("prompts",)  # what is judged of these answers trains the reward


class Config(StartingModel):
    """Settings of `stage: sample`."""

    prompts: DataFile
    per_prompt: int = Field(default=2, ge=1)
    sampling: Sampling = Sampling()
    batch: int = Field(default=64, ge=1)  # prompts at a time
    seed: int = Field(default=0, ge=0)


def run(config: Config, work: Workspace) -> None:
    model, tokenizer = load(config.readable, template=config.template)
    model.to(parallel.device()).eval()
    asked = [named(prompt, index) for index, prompt in enumerate(prompts(config.prompts))]
    check_lengths(asked, config.sampling, model, tokenizer, work.name)
    meta = {
        "model": weights_hash(model),
        "policy": work.names.get(config.model, str(config.model)),
        "sampling": config.sampling.model_dump(),
        "seed": config.seed,
    }
    draft = work.folder / "candidates.draft.jsonl"
    starts = range(0, len(asked), config.batch)
    done = _whole_batches(draft, config.batch, len(asked))
    for number, start in list(enumerate(starts))[done:]:
        if work.stop():
            raise Interrupted(f"stopped after {start} of {len(asked)} prompts; run the same command to go on")
        batch = asked[start : start + config.batch]
        texts = answer(model, tokenizer, batch, config, number)
        rows = [
            candidates_row(prompt, texts[index * config.per_prompt : (index + 1) * config.per_prompt])
            | {"id": prompt.id, "meta": meta}
            for index, prompt in enumerate(batch)
        ]
        append_lines(draft, rows)
        work.progress(start + len(batch), len(asked), "prompts")
    draft.rename(work.folder / RESULT)


def answer(
    model: LanguageModel, tokenizer: Tokenizer, batch: Sequence[Prompt], config: Config, number: int
) -> tuple[str, ...]:
    """`per_prompt` texts a prompt, one prompt's side by side; `number` names the batch's randomness."""
    repeated = [prompt for prompt in batch for _ in range(config.per_prompt)]
    tokens, _ = tokenizer.prompts(repeated)
    generator = generator_of(config.seed, "sample", number)
    drawn = sample(model, tokens.to(model.device), config.sampling, tokenizer.end_id, generator)
    return tuple(tokenizer.texts(drawn.responses))


def named(prompt: Prompt, index: int) -> Prompt:
    return prompt if prompt.id else Prompt(prompt.text, prompt.messages, f"item-{index}", prompt.meta)


def _whole_batches(draft: Path, batch: int, prompts: int) -> int:
    """How many batches an earlier session finished; what it left of another is cut off."""
    if not draft.exists():
        return 0
    with draft.open(encoding="utf-8") as file:
        lines = [line for line in file if line.endswith("\n")]
    whole = -(-prompts // batch) if len(lines) >= prompts else len(lines) // batch
    draft.write_text("".join(lines[: whole * batch]), encoding="utf-8")
    return whole


def forecast(config: Config, inputs: Mapping[str, Forecast]) -> Forecast:
    rows = forecasting.rows(config.prompts, inputs)
    model = forecasting.model(config.model, inputs)
    work = forecasting.answering(rows * config.per_prompt, config.batch, config.sampling, model)
    return forecasting.with_rows(work, rows, rows * config.per_prompt * config.sampling.max_new_tokens * 4.0)
