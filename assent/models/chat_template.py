"""Our way of asking a model, written down as the chat template that transformers' own pipelines follow."""

import json

from assent.models.tokenizer import Tokenizer
from assent.records import Prompt

PROBES = ("What is 1 + 1?", "  two\n\nlines ", "\u4f60\u597d \U0001f600", "a")
ONE_QUESTION = "this model was taught single prompts: give one message, the user's"


def chat_template_of(tokenizer: Tokenizer, chats: bool) -> str | None:
    """A template with which `apply_chat_template` gives the ids that `tokenizer.prompt_ids` gives.

    Of a model that was taught single prompts it takes one message; of one that was taught conversations, any
    number of turns. None where no template can: some tokenizers read the beginning of a text in a way of
    their own, and the ids would differ.
    """
    around = tokenizer.read_ids([-1])
    at = around.index(-1)
    if not {*around[:at], *around[at + 1 :]} <= set(tokenizer.inner.all_special_ids):
        return None
    before, after = (
        "".join(tokenizer.inner.convert_ids_to_tokens(ids)) for ids in (around[:at], around[at + 1 :])
    )
    written = _conversation(tokenizer, before, after) if chats else _question(tokenizer, before, after)
    return written if all(_faithful(tokenizer, written, text, chats) for text in PROBES) else None


def _question(tokenizer: Tokenizer, before: str, after: str) -> str:
    t = tokenizer.template
    only = "messages | length != 1 or messages[0]['role'] != 'user'"
    return (
        f"{{% if {only} %}}{{{{ raise_exception({_literal(ONE_QUESTION)}) }}}}{{% endif %}}"
        f"{_said(before + t.instruction + t.prefix)}{{{{ messages[0]['content'] }}}}{_said(t.suffix + after)}"
    )


def _conversation(tokenizer: Tokenizer, before: str, after: str) -> str:
    t = tokenizer.template
    speakers = {"user": t.user, "assistant": f"{t.assistant} ", "system": t.system}
    literal = ", ".join(f"{_literal(role)}: {_literal(words)}" for role, words in speakers.items())
    return (
        f"{{% set speakers = {{{literal}}} %}}{_said(before + t.instruction)}"
        "{% for message in messages %}"
        "{{ speakers[message['role']] + message['content'] + '\\n' }}"
        "{% endfor %}"
        f"{{% if add_generation_prompt %}}{_said(t.assistant)}{{% endif %}}{_said(after)}"
    )


def _literal(text: str) -> str:
    """Jinja reads the escapes that JSON writes."""
    return json.dumps(text, ensure_ascii=False)


def _said(text: str) -> str:
    return f"{{{{ {_literal(text)} }}}}" if text else ""


def _faithful(tokenizer: Tokenizer, written: str, text: str, chats: bool) -> bool:
    asked = ({"role": "user", "content": text},)
    ours = tokenizer.prompt_ids(Prompt(text, asked if chats else ()))[0]
    said = tokenizer.inner.apply_chat_template(
        list(asked), chat_template=written, add_generation_prompt=True, tokenize=False
    )
    return ours == tokenizer.inner.encode(said, add_special_tokens=False)
