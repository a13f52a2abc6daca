"""A project in YAML with its file of items, as `assent annotate` is given it."""

import json

from assent.tools.annotate import Wishes
from assent.tools.annotate_files import project_job


def job_of(folder, text, *rows):
    """The project `tea` of these rows and settings; as it lies there, where `text` is None."""
    if text is not None:
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / "tea.yaml").write_text(f"items: rows.jsonl\n{text}")
    return project_job(folder / "tea.yaml", Wishes())


def raw(*names):
    """Pairs that nobody has judged."""
    return [
        {"input_text": f"What is {name}?", "candidate_0": f"{name} 1", "candidate_1": f"{name} 2", "id": name}
        for name in names
    ]
