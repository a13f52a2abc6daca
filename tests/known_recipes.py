"""Small stand-ins for what the well-known recipes name: models of the same kinds, data of the same form."""

import json
import random
from pathlib import Path

import pyarrow
import pyarrow.parquet
import torch
import transformers
from tiny_encoders import tiny_encoder

ROOT = Path(__file__).parents[1]
RECIPES = ROOT / "recipes"
WORDS = ["the", "ball", "girl", "park", "saw", "big", "red", "happy", "sad", "time", "little", "friend"]


def sentence(seed: int, words: int = 8) -> str:
    """The same seed, the same words; the seed itself makes each text one of its kind."""
    drawn = random.Random(seed)
    return f"{seed} " + " ".join(drawn.choice(WORDS) for _ in range(words))


def pickled_classifier(path: Path, labels: int, seed: int) -> Path:
    """A RoBERTa classifier as published in its time: pytorch_model.bin alone, labels LABEL_0 and on."""
    tiny_encoder("roberta", path)
    config = transformers.AutoConfig.from_pretrained(path, num_labels=labels)
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    network = transformers.AutoModelForSequenceClassification.from_config(config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    torch.random.set_rng_state(state)
    (path / "model.safetensors").unlink()
    network.config.save_pretrained(path)
    torch.save(network.state_dict(), path / "pytorch_model.bin")
    return path


def news_summary(folder: Path, train: int, test: int) -> Path:
    """A folder that `datasets` reads, with the columns of argilla/news-summary."""
    folder.mkdir()
    for split, start, count in (("train", 0, train), ("test", 1000, test)):
        rows = [
            {
                "text": sentence(seed, 20),
                "prediction": [{"score": 1.0, "text": sentence(seed, 4)}],
                "prediction_agent": "t5",
                "annotation": None,
                "annotation_agent": None,
                "id": f"row-{seed}",
                "metadata": None,
                "status": "Default",
                "event_timestamp": None,
                "metrics": None,
            }
            for seed in range(start, start + count)
        ]
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / f"{split}.parquet")
    return folder


def prompts_file(path: Path, seeds: range) -> Path:
    return written(path, [{"input_text": sentence(seed)} for seed in seeds])


def ranked_row(seed: int, answers: int) -> dict:
    """A prompt with its answers, ranked by how often they say happy; of equals the first is better."""
    texts = [sentence(seed * 10 + k, 5) for k in range(answers)]
    ranking = sorted(range(answers), key=lambda k: (-texts[k].count("happy"), k))
    candidates = {f"candidate_{k}": text for k, text in enumerate(texts)}
    return {"input_text": sentence(seed), **candidates, "ranking": ranking}


def written(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
