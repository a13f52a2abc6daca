"""Models that go out: loaded by plain transformers and peft, with the same logits, asked as in training."""

import json
import re
from pathlib import Path

import peft
import pytest
import torch
import transformers
from click.testing import CliRunner
from export_helpers import exported, refused, whole_run
from stage_world import artifact, ran
from tiny_folders import FAMILIES, tiny_folder
from tiny_models import tiny

from assent.cli import main
from assent.errors import UserError
from assent.models.chat_template import chat_template_of
from assent.models.load import LoRA, adapted, load, save, saved_size
from assent.models.sampler import Sampling, sample
from assent.models.tokenizer import Template, Tokenizer
from assent.records import Prompt
from assent.rewards.saved import saved_reward

# peft asks transformers by the old name
pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*deprecated:FutureWarning")

IDS = torch.tensor([[5, 6, 7, 8]])


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return whole_run(tmp_path_factory.mktemp("world"))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def logits(network):
    """What a causal network says; of an encoder-decoder, which reads and writes the same."""
    more = {"decoder_input_ids": IDS} if network.config.is_encoder_decoder else {}
    with torch.no_grad():
        return network.eval()(input_ids=IDS, **more).logits


def plain(folder):
    return transformers.AutoModelForCausalLM.from_pretrained(folder)


def bent(folder, family, bpe, template=None):
    """A model with adapters that are no longer at zero, saved; and the network with them, as it was."""
    base = folder.parent / "base"
    save(*tiny(family, bpe, template), base, kind="policy")
    model, tokenizer = load(str(base))
    wrapped = adapted(model, LoRA(rank=2))
    with torch.no_grad():
        for parameter in wrapped.learning():
            parameter.add_(0.2 * torch.randn_like(parameter))
    save(wrapped, tokenizer, folder, kind="policy")
    return base, logits(wrapped.network)


# Weights


def test_a_model_is_loaded_by_transformers_alone(out, tmp_path):
    exported(f"{out}:tuned", "m")
    theirs, tokenizer = plain("m"), transformers.AutoTokenizer.from_pretrained("m")
    ours, own = load(str(artifact(out, "tuned") / "model"))
    assert torch.equal(logits(theirs), logits(ours.network))
    assert not (tmp_path / "m" / "value_head.safetensors").exists()
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": "A storm came."}], add_generation_prompt=True, tokenize=False
    )
    assert asked == "Report: A storm came.\nBrief:"
    prompt = tokenizer(asked, add_special_tokens=False, return_tensors="pt", return_token_type_ids=False)
    written = theirs.generate(**prompt, max_new_tokens=9, do_sample=False)[0, prompt["input_ids"].shape[1] :]
    tokens, _ = own.prompts([Prompt("A storm came.")])
    drawn = sample(ours, tokens, Sampling(max_new_tokens=9, temperature=0), own.end_id, torch.Generator())
    assert written.tolist() == drawn.responses.ids[0].tolist()


@pytest.mark.parametrize("family", ["gpt2", "llama", "t5"])
def test_adapters_go_out_as_peft_loads_them_and_merged(tmp_path, bpe, family):
    base, expected = bent(tmp_path / "m", family, bpe)
    auto = transformers.AutoModelForSeq2SeqLM if family == "t5" else transformers.AutoModelForCausalLM
    told = exported("m", "out").stderr
    assert f"adapters alone, for {base}" in told
    assert {path.name for path in (tmp_path / "out").glob("*.safetensors")} == {"adapter_model.safetensors"}
    theirs = peft.PeftModel.from_pretrained(auto.from_pretrained(base), "out")
    assert torch.allclose(logits(theirs), expected, atol=1e-5)
    assert not torch.allclose(logits(auto.from_pretrained(base)), expected, atol=0.1)
    kind = "SEQ_2_SEQ_LM" if family == "t5" else "CAUSAL_LM"
    assert json.loads((tmp_path / "out" / "adapter_config.json").read_text())["task_type"] == kind
    exported("m", "whole", "--merge")
    assert torch.allclose(logits(auto.from_pretrained("whole")), expected, atol=1e-4)
    assert not (tmp_path / "whole" / "adapters").exists()
    assert len(transformers.AutoTokenizer.from_pretrained("out")) == len(bpe)


def test_a_stage_with_adapters_keeps_them(out):
    exported(f"{out}:adapted", "a")
    theirs = peft.PeftModel.from_pretrained(plain(artifact(out, "sft") / "model"), "a")
    assert torch.allclose(logits(theirs), logits(plain(artifact(out, "adapted") / "model")), atol=1e-5)


def test_adapters_from_elsewhere_are_merged_on_their_base(tmp_path):
    base = tiny_folder("llama", tmp_path / "base")
    config = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    wrapped = peft.get_peft_model(plain(base), config)
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "lora_" in name:
                parameter.add_(0.3 * torch.randn_like(parameter))
    expected = logits(wrapped)
    wrapped.save_pretrained("theirs")
    exported("theirs", "whole", "--merge")
    assert torch.allclose(logits(plain("whole")), expected, atol=1e-4)
    assert transformers.AutoTokenizer.from_pretrained("whole").eos_token == "</s>"
    exported("theirs", "same")
    with pytest.raises(UserError, match="adapters alone: `assent export same OUT --merge`"):
        load("same")
    again = peft.PeftModel.from_pretrained(plain(base), "same")
    assert torch.equal(logits(again), expected)


def test_adapters_whose_base_is_gone_name_it(tmp_path, bpe):
    bent(tmp_path / "m", "gpt2", bpe)
    adapters = tmp_path / "m" / "adapters"
    (tmp_path / "base").rename(tmp_path / "moved")
    assert "cannot be loaded" in refused(adapters, "out", "--merge")
    assert not (tmp_path / "out").exists()


def test_merging_what_has_no_adapters_changes_nothing_and_says_so(out):
    assert "has no adapters: --merge changes nothing" in exported(f"{out}:tuned", "m", "--merge").stderr
    assert torch.equal(logits(plain("m")), logits(plain(artifact(out, "tuned") / "model")))


def test_a_reward_model_goes_out_as_it_is(out):
    assert "judges answers, it writes none" in exported(f"{out}:judge", "r").stderr
    asked, answers = ["A storm came."] * 2, ["It rained.", "no"]
    ours = saved_reward(str(artifact(out, "judge") / "model"))(asked, answers)
    assert saved_reward("r")(asked, answers) == ours


# How it is asked


ODD = Template(
    instruction='Say "it":\n', prefix="{{ Q }} ", suffix="\n\\n'A':", user="Human: ", assistant="Bot:"
)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("chats", [False, True])
def test_the_chat_template_gives_the_prompts_of_training(tmp_path, family, chats):
    folder = tiny_folder(family, tmp_path / "m")
    inner = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer = Tokenizer(inner, ODD, family in ("bart", "t5", "t5_untied", "mt5"))
    written = chat_template_of(tokenizer, chats)
    assert written is not None
    turns = [("system", "be kind"), ("user", "hi 你"), ("assistant", "yes\n🙂"), ("user", " and? ")]
    messages = [{"role": role, "content": text} for role, text in (turns if chats else turns[1:2])]
    prompt = Prompt(messages[-1]["content"], tuple(messages) if chats else ())
    render, ids = tokenizer.render(prompt), tokenizer.prompt_ids(prompt)[0]
    inner.chat_template = written
    said = inner.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    assert render in said
    assert set(re.findall(r"</?s>", said.replace(render, ""))) <= {"<s>", "</s>"}
    assert inner.encode(said, add_special_tokens=False) == ids


def test_a_model_of_single_prompts_refuses_a_conversation(out):
    exported(f"{out}:tuned", "m")
    tokenizer = transformers.AutoTokenizer.from_pretrained("m")
    with pytest.raises(Exception, match="taught single prompts"):
        tokenizer.apply_chat_template([{"role": "user", "content": "a"}] * 2, tokenize=False)
    assert json.loads(Path("m/assent.json").read_text())["chats"] is False


def test_here_an_exported_model_is_asked_as_before(out, tmp_path):
    exported(f"{out}:tuned", "m")
    _, before = load(str(artifact(out, "tuned") / "model"))
    _, after = load("m")
    chat = Prompt("b", ({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}))
    for prompt in (Prompt("A storm came."), chat):
        assert after.prompt_ids(prompt) == before.prompt_ids(prompt)
    exported("m", "again")
    assert (tmp_path / "again" / "chat_template.jinja").read_text() == (
        tmp_path / "m" / "chat_template.jinja"
    ).read_text()


def test_a_model_taught_conversations_says_so(tmp_path):
    rows = [
        {"messages": [{"role": "user", "content": f"hi {n}"}, {"role": "assistant", "content": "yes"}]}
        for n in range(4)
    ]
    (tmp_path / "talks.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    folder = tiny_folder("gpt2", tmp_path / "base")
    assert (
        ran(
            tmp_path,
            f"talks: {{stage: finetune, model: {folder}, data: talks.jsonl, steps: 1}}",
            tmp_path / "r",
        )
        == 0
    )
    exported("r:talks", "m")
    assert json.loads((tmp_path / "m" / "assent.json").read_text())["chats"] is True
    tokenizer = transformers.AutoTokenizer.from_pretrained("m")
    said = tokenizer.apply_chat_template(rows[0]["messages"][:1], add_generation_prompt=True, tokenize=False)
    assert said == "User: hi 0\nAssistant:"
    for source in ("r:talks", "m"):
        talk = CliRunner().invoke(main, ["chat", source, "--max-new-tokens", "2"], input="")
        assert "earlier turns are remembered" in talk.stderr


def test_a_tokenizer_with_a_chat_template_keeps_it(tmp_path, bpe):
    bpe.chat_template = "{% for m in messages %}[{{ m['content'] }}]{% endfor %}"
    save(*tiny("gpt2", bpe), tmp_path / "m", kind="policy")
    exported("m", "out")
    assert transformers.AutoTokenizer.from_pretrained("out").chat_template == bpe.chat_template


# The folder


def test_what_is_there_is_not_lost(out, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years")
    assert "not an earlier export" in refused(f"{out}:sft", "mine", "--force")
    exported(f"{out}:sft", "m")
    before = (tmp_path / "m" / "model.safetensors").read_bytes()
    assert "is there already; --force replaces it" in refused(f"{out}:tuned", "m")
    assert (tmp_path / "m" / "model.safetensors").read_bytes() == before
    exported(f"{out}:tuned", "m", "--force")
    assert (tmp_path / "m" / "model.safetensors").read_bytes() != before
    assert "holds the model itself" in refused("m", "m", "--force")
    assert "is a file" in refused("m", "mine/thesis.tex")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("notes.txt", "", "no config.json there: expected the folder of a model"),
        ("config.json", "{}", "cannot be loaded: Unrecognized model"),
        ("adapter_config.json", "[]", "adapter_config.json: expected an object {...}, found list"),
        ("adapter_config.json", "{", "adapter_config.json: not valid JSON"),
    ],
)
def test_a_folder_that_holds_no_model(tmp_path, file, text, message):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / file).write_text(text)
    assert message in refused("m", "out")
    if file != "notes.txt":  # what a plan asks of a model before it is loaded
        expected = "adapters alone" if file == "adapter_config.json" else "Unrecognized model"
        with pytest.raises(UserError, match=expected):
            saved_size(str(tmp_path / "m"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("model", ["nowhere/at/all", "./nowhere"])
def test_no_such_model(model):
    assert "no such folder or run" in refused(model, "m")
