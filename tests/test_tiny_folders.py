"""Folders that others made, of every family that is promised: read, sampled, trained, scored, saved."""

import json

import pytest
import torch
import transformers
from stage_world import Lines, made
from tiny_folders import ENCODER_DECODERS, FAMILIES, SENTENCES, tiny_folder

from assent.errors import UserError
from assent.models.heads import RewardModel
from assent.models.load import LoRA, load, load_reward, save, save_reward, saved_size, weights_hash
from assent.models.sampler import Sampling, sample
from assent.records import Prompt

TEMPLATE = {"suffix": " =>", "answer_prefix": " "}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("folders")
    return {family: str(tiny_folder(family, root / family)) for family in FAMILIES}


@pytest.fixture(params=FAMILIES)
def family(request):
    return request.param


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "demonstrations.jsonl"
    rows = [{"input_text": text, "output_text": text.split()[-1]} for text in SENTENCES]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@torch.no_grad()
def own_logits(folder, prompt, response):
    """What transformers alone says of one bare row, at its R + 1 prefixes."""
    config = transformers.AutoConfig.from_pretrained(folder)
    if config.is_encoder_decoder:
        network = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
        read = torch.tensor([[config.decoder_start_token_id, *response]])
        return network(input_ids=torch.tensor([prompt]), decoder_input_ids=read).logits[0]
    network = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    return network(input_ids=torch.tensor([prompt + response])).logits[0, len(prompt) - 1 :]


@torch.no_grad()
def our_logits(folder, texts=SENTENCES):
    """(ours, prompts, responses) of padded rows."""
    model, tokenizer = load(folder)
    prompts, _ = tokenizer.prompts([Prompt(text) for text in texts])
    responses, _ = tokenizer.responses([text.split()[-1] for text in texts])
    return model.eval().logits(model.states(prompts, responses)), prompts, responses


def test_the_logits_are_transformers_own(folders, family):
    ours, prompts, responses = our_logits(folders[family])
    for row in range(len(prompts)):
        prompt = prompts.ids[row][prompts.mask[row]].tolist()
        response = responses.ids[row][responses.mask[row]].tolist()
        theirs = own_logits(folders[family], prompt, response)
        assert torch.allclose(ours[row, : len(response) + 1], theirs, atol=1e-4)


def test_prompts_have_the_familys_special_tokens(folders, family):
    _, tokenizer = load(folders[family])
    ids, _ = tokenizer.prompt_ids(Prompt("One day"))
    begins = {"llama": "<s>", "opt": "</s>", "bart": "<s>"}
    assert tokenizer.inner.convert_ids_to_tokens(ids)[0] == begins.get(family, "On")
    assert (ids[-1] == tokenizer.end_id) == (family in ENCODER_DECODERS)
    answer, _ = tokenizer.response_ids("One day")
    assert answer.count(tokenizer.end_id) == 1
    assert answer[-1] == tokenizer.end_id
    assert tokenizer.inner.decode(answer[:-1]) == "One day"


def test_two_matrices_stay_two(folders, tmp_path):
    """And the file says so, also to releases of transformers that believe what it says."""
    model, tokenizer = load(folders["t5_untied"])
    network = model.network
    assert not torch.equal(network.get_output_embeddings().weight, network.get_input_embeddings().weight)
    save(model, tokenizer, tmp_path)
    again, _ = load(str(tmp_path))
    assert weights_hash(again) == weights_hash(model)
    assert json.loads((tmp_path / "config.json").read_text())["tie_word_embeddings"] is False


def test_one_matrix_stays_one(folders, tmp_path):
    model, tokenizer = load(folders["t5"])
    save(model, tokenizer, tmp_path)
    network = load(str(tmp_path))[0].network
    assert network.get_output_embeddings().weight is network.get_input_embeddings().weight
    assert json.loads((tmp_path / "config.json").read_text())["tie_word_embeddings"] is True


def test_sentinels_under_their_two_names(folders):
    counts = {family: len(load(folders[family])[1].sentinels) for family in FAMILIES}
    assert counts == {family: 20 if "t5" in family else 0 for family in FAMILIES}


def test_the_size_is_read_off_the_files(folders, family):
    parameters, layers = saved_size(folders[family])
    counted = sum(parameter.numel() for parameter in load(folders[family])[0].network.parameters())
    assert layers == (4 if family in ENCODER_DECODERS else 2)
    assert parameters == pytest.approx(counted, rel=0.25)  # names of tensors weigh much in files this small


def test_pretraining_goes_on(folders, family, tmp_path):
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n<|endoftext|>\n".join(SENTENCES))
    settings = {"data": str(corpus), "model": folders[family], "pack": False, "steps": 2, "batch": 2}
    if family in ENCODER_DECODERS:
        settings |= {"objective": "prefix", "context": 32}
    folder, log = made("pretrain", tmp_path / "it", **settings)
    assert len({row["loss"] for row in log}) == 2
    assert weights_hash(load(str(folder / "model"))[0]) != weights_hash(load(folders[family])[0])


def test_span_corruption_needs_sentinels(folders, tmp_path):
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n<|endoftext|>\n".join(SENTENCES))
    settings = {"data": str(corpus), "pack": False, "steps": 1, "batch": 2, "context": 32}
    made("pretrain", tmp_path / "t5", model=folders["t5"], **settings)
    with pytest.raises(UserError, match=r"no sentinels <extra_id_0>.*: use objective: prefix"):
        made("pretrain", tmp_path / "bart", model=folders["bart"], **settings)


def test_sampling(folders, family):
    model, tokenizer = load(folders[family])
    prompts, _ = tokenizer.prompts([Prompt(text) for text in SENTENCES])
    drawn = sample(
        model.eval(), prompts, Sampling(max_new_tokens=6), tokenizer.end_id, torch.Generator().manual_seed(0)
    )
    with torch.no_grad():
        found, _ = model.logprobs(prompts, drawn.responses)
    mask = drawn.responses.mask
    assert torch.allclose(found[mask], drawn.logprobs[mask], atol=1e-4)
    assert len(tokenizer.texts(drawn.responses)) == len(SENTENCES)


@pytest.mark.parametrize("lora", [None, {"rank": 2}])
def test_a_few_updates_and_back(folders, family, data, tmp_path, lora):
    """What was trained is what transformers reads: with adapters, their sum with the weights they adapt."""
    settings = {"steps": 3, "batch": 2, "held_out": 0, "learning_rate": 0.01, "template": TEMPLATE}
    folder, log = made("finetune", tmp_path, model=folders[family], data=data, lora=lora, **settings)
    assert isinstance(log, Lines)
    assert len(log) == 3
    assert all(row["skipped"] == 0 and row["grad_norm"] > 0 for row in log)
    trained = str(folder / "model")
    assert weights_hash(load(trained)[0]) != weights_hash(load(folders[family])[0])
    ours, prompts, responses = our_logits(trained)
    for row in range(2):
        prompt = prompts.ids[row][prompts.mask[row]].tolist()
        response = responses.ids[row][responses.mask[row]].tolist()
        theirs = own_logits(trained, prompt, response)
        assert torch.allclose(ours[row, : len(response) + 1], theirs, atol=1e-4)


def test_adapters_merge_into_what_they_were(folders, family, tmp_path):
    model, tokenizer = load(folders[family], LoRA(rank=2))
    with torch.no_grad():
        for parameter in model.learning():
            parameter.add_(0.1 * torch.randn_like(parameter))
    prompts, _ = tokenizer.prompts([Prompt(text) for text in SENTENCES])
    responses, _ = tokenizer.responses(SENTENCES)
    with torch.no_grad():
        expected = model.eval().logits(model.states(prompts, responses))
        bare = load(folders[family])[0].eval()
        assert not torch.allclose(expected, bare.logits(bare.states(prompts, responses)), atol=1e-2)
    save(model, tokenizer, tmp_path)
    with torch.no_grad():
        back = load(str(tmp_path))[0].eval()
        assert torch.allclose(back.logits(back.states(prompts, responses)), expected, atol=1e-3)


def test_scores(folders, family, tmp_path):
    """An answer's score is the same alone and beside a longer one, and after saving."""
    body, tokenizer = load(folders[family])
    model = RewardModel(body).eval()
    prompts, _ = tokenizer.prompts([Prompt(text) for text in SENTENCES])
    responses, _ = tokenizer.responses(["a", "a longer answer", "", "one"])
    with torch.no_grad():
        scores = model.scores(prompts, responses)
        alone = torch.stack(
            [
                model.scores(
                    prompts.rows(slice(n, n + 1)).left_trimmed(),
                    responses.rows(slice(n, n + 1)).right_trimmed(),
                )[0]
                for n in range(4)
            ]
        )
    assert torch.allclose(scores, alone, atol=1e-4)
    assert len(set(scores.tolist())) == 4
    save_reward(model, tokenizer, tmp_path)
    back, _ = load_reward(str(tmp_path))
    assert torch.allclose(back.scores(prompts, responses), scores, atol=1e-6)
