"""The code on a model card: it runs as it stands, from the folder beside the model's."""

from pathlib import Path

from assent.models.exporting import has_tokenizer, is_encoder_decoder, takes_messages
from assent.models.load import saved_template

QUESTION = "Once upon a time"

_LOAD = """\
from transformers import {auto}, AutoTokenizer

name = {name!r}
tokenizer = AutoTokenizer.from_pretrained(name)
model = {auto}.from_pretrained(name)
"""
_LOAD_ADAPTERS = """\
from peft import PeftModel
from transformers import {auto}, AutoTokenizer

name, base = {name!r}, {base!r}
tokenizer = AutoTokenizer.from_pretrained({tokenizer})
model = PeftModel.from_pretrained({auto}.from_pretrained(base), name)
"""
_MESSAGES = """\
messages = [{{"role": "user", "content": {question!r}}}]
text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
prompt = tokenizer(text, add_special_tokens=False, return_tensors="pt", return_token_type_ids=False)
"""
_PLAIN = """\
text = {text}
prompt = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
"""
_GENERATE = """\
answer = model.generate(**prompt, max_new_tokens=64, do_sample=True, top_k=0)[0]{cut}
print(tokenizer.decode(answer, skip_special_tokens=True))
"""
_REWARD = """\
from assent.rewards.saved import saved_reward

reward = saved_reward({name!r})
print(reward([{question!r}] * 2, ["there was a fox.", "no"]))
"""
_CLASSES = """\
from transformers import pipeline

print(pipeline("text-classification", {name!r}, top_k=None)(["there was a fox."]))
"""


def usage(form: str, name: str, base: str, folder: Path, source: Path) -> list[str]:
    """Lines of Markdown with code that uses what lies in `folder`, which people call `name`."""
    if form == "classes":
        return _code(_CLASSES.format(name=name))
    if form == "reward":
        return [
            "It is read by `assent` (`pip install assent`), in Python or where a recipe names it: "
            f"`rewards: [{{model: {name}}}]`.",
            "",
            *_code(_REWARD.format(name=name, question=QUESTION)),
        ]
    seq2seq = is_encoder_decoder(folder if form == "model" else source)
    auto = "AutoModelForSeq2SeqLM" if seq2seq else "AutoModelForCausalLM"
    load = _LOAD_ADAPTERS if form == "adapters" else _LOAD
    return _code(
        load.format(auto=auto, name=name, base=base, tokenizer="name" if has_tokenizer(folder) else "base")
        + _asked(folder)
        + _GENERATE.format(cut="" if seq2seq else '[prompt["input_ids"].shape[1] :]')
    )


def _asked(folder: Path) -> str:
    if takes_messages(folder):
        return _MESSAGES.format(question=QUESTION)
    t = saved_template(str(folder))
    parts = [part for part in (t.instruction + t.prefix, QUESTION, t.suffix) if part]
    return _PLAIN.format(text=" + ".join(repr(part) for part in parts))


def _code(text: str) -> list[str]:
    return ["```python", text.rstrip(), "```"]
