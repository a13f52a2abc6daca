"""The `classifier` reward against `transformers.pipeline`, which reads each text by itself."""

import json
import math

import pytest
import tiny_folders
import torch
import transformers

from assent.config import check
from assent.errors import RewardError, UserError
from assent.functional.classification import log_probabilities
from assent.models.classifier_files import classifier_on, load_classifier, save_classifier
from assent.models.load import LoRA
from assent.rewards.classifier import ClassifierPart, ClassifierReward, joined

LABELS = ("joy", "anger", "neutral")
TEXTS = [
    "She saw a ball.",
    "a",
    "Once upon a time, there was a little girl named Lily.",
    "no no no",
    "One day",
]
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
# encoders, and XLNet, which reads at the last column, padding or not
NETWORKS = {
    **tiny_folders.NETWORKS,
    "bert": lambda **ids: transformers.BertConfig(
        **SIZES, intermediate_size=32, max_position_embeddings=40, **ids
    ),
    "roberta": lambda **ids: transformers.RobertaConfig(
        **SIZES, intermediate_size=32, max_position_embeddings=42, **ids
    ),
    "modernbert": lambda **ids: transformers.ModernBertConfig(
        **SIZES, intermediate_size=32, max_position_embeddings=40, cls_token_id=0, sep_token_id=2, **ids
    ),
    "xlnet": lambda **ids: transformers.XLNetConfig(d_model=16, n_layer=2, n_head=2, d_inner=32, **ids),
}
TOKENIZERS = dict.fromkeys(("bert", "roberta", "modernbert", "xlnet"), "bart")
LONG = "ab " * 45
LIMITED = ("bert", "roberta", "modernbert")  # 40 tokens, special ones among them


def folder_of(family, path, labels=LABELS, **settings):
    """A random classifier as transformers saves it; weights far from a flat distribution."""
    tokenizer = tiny_folders._tokenizer(TOKENIZERS.get(family, family))
    ids = {f"{role}_token_id": getattr(tokenizer, f"{role}_token_id") for role in ("bos", "eos", "pad")}
    known = {"vocab_size": len(tokenizer), **{name: at for name, at in ids.items() if at is not None}}
    if family in tiny_folders.ENCODER_DECODERS:
        known["decoder_start_token_id"] = ids["eos_token_id" if family == "bart" else "pad_token_id"]
    config = NETWORKS[family](**known)
    config.id2label, config.label2id = dict(enumerate(labels)), {name: at for at, name in enumerate(labels)}
    for name, value in settings.items():
        setattr(config, name, value)
    torch.manual_seed(1)
    network = transformers.AutoModelForSequenceClassification.from_config(config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    network.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def reward(folder, **settings):
    part = check(ClassifierPart, {"model": str(folder), **settings}, "classifier")
    return ClassifierReward(load_classifier(part.model), part)


def piped(folder, texts, function="none"):
    """{label: score} of each text, read by itself, by transformers alone."""
    tell = transformers.pipeline("text-classification", model=str(folder), function_to_apply=function)
    return [{found["label"]: found["score"] for found in tell(text, top_k=None)} for text in texts]


@pytest.mark.parametrize("family", NETWORKS)
def test_a_text_scores_beside_others_as_transformers_scores_it_alone(family, tmp_path):
    folder = folder_of(family, tmp_path)
    alone = [told["anger"] for told in piped(folder, TEXTS)]
    beside = reward(folder, label="anger", rows=3)([""] * len(TEXTS), TEXTS)
    assert beside == pytest.approx(alone, rel=1e-4, abs=1e-4)
    assert len({round(score, 3) for score in alone}) == len(TEXTS)


@pytest.mark.parametrize("family", ["gpt2", "llama", "bert", "t5"])
def test_an_empty_answer_has_a_score_of_its_own(family, tmp_path):
    judge = reward(folder_of(family, tmp_path), label="joy")
    [alone], [beside, _] = judge([""], [""]), judge(["", ""], ["", TEXTS[0]])
    assert beside == pytest.approx(alone, rel=1e-4)


@pytest.mark.parametrize(
    ("problem", "function"),
    [
        ("multi_label_classification", "sigmoid"),
        ("single_label_classification", "softmax"),
        (None, "softmax"),  # as transformers takes it where config.json does not say
    ],
)
def test_probability_is_that_of_the_kind_of_problem(problem, function, tmp_path):
    folder = folder_of("bert", tmp_path, problem_type=problem)
    told = [each["neutral"] for each in piped(folder, TEXTS, function)]
    assert [each["neutral"] for each in piped(folder, TEXTS, None)] == pytest.approx(told)
    share = reward(folder, label="neutral", output="probability")([""] * 5, TEXTS)
    assert share == pytest.approx(told, rel=1e-4)
    nats = reward(folder, label="neutral", output="log_probability")([""] * 5, TEXTS)
    assert nats == pytest.approx([math.log(probability) for probability in told], rel=1e-4, abs=1e-5)


def test_log_probabilities_stay_finite_where_probabilities_do_not():
    logits = torch.tensor([[-200.0, 200.0]])
    # log sigmoid(-200) = -200 - log(1 + e^-200) = -200; log softmax = -400
    assert log_probabilities(logits, several=True).tolist() == [[-200.0, 0.0]]
    assert log_probabilities(logits, several=False).tolist() == [[-400.0, 0.0]]


def test_one_output_is_a_number_and_has_no_probability(tmp_path):
    folder = folder_of("llama", tmp_path, labels=("LABEL_0",), problem_type="regression")
    expected = [told["LABEL_0"] for told in piped(folder, TEXTS)]
    assert reward(folder)([""] * 5, TEXTS) == pytest.approx(expected, rel=1e-4, abs=1e-4)
    with pytest.raises(UserError, match="it has no probability: use logit"):
        reward(folder, output="probability")


def test_a_label_goes_by_name_or_number(tmp_path):
    folder = folder_of("bert", tmp_path)
    anger = reward(folder, label="anger")(["", ""], TEXTS[:2])
    for same in ("Anger", "LABEL_1", 1, "1"):
        assert reward(folder, label=same)(["", ""], TEXTS[:2]) == anger
    for wrong, message in [
        ("angre", "expected one of joy, anger, neutral, found 'angre'; did you mean anger"),
        (3, "expected one of joy, anger, neutral, found 3"),
        (None, "expected one of joy, anger, neutral, found none"),
    ]:
        with pytest.raises(UserError, match=message):
            reward(folder, label=wrong)


def test_a_name_that_is_a_number_goes_before_a_place(tmp_path):
    folder = folder_of("bert", tmp_path, labels=("2", "1", "0"))
    assert reward(folder, label=0)([""], ["a"]) == pytest.approx([piped(folder, ["a"])[0]["0"]], rel=1e-4)


@pytest.mark.parametrize("family", LIMITED)
def test_longer_texts_are_read_in_windows_cut_or_refused(family, tmp_path):
    folder = folder_of(family, tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    network = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    bare = tokenizer.encode(LONG, add_special_tokens=False)
    assert 76 < len(bare) <= 114  # 38 fit beside <s> and </s>: three windows, and the first 38 for a cut

    def logit(ids):
        with torch.no_grad():
            return network(input_ids=torch.tensor([[0, *ids, 2]])).logits[0, 0].item()

    third = len(bare) / 3
    windows = [bare[int(third * k) : int(third * (k + 1))] for k in range(3)]
    sizes = [len(window) + 2 for window in windows]
    mean = sum(logit(w) * size for w, size in zip(windows, sizes, strict=True)) / sum(sizes)
    scores = [
        reward(folder, label="joy", longer=longer)(["", ""], [LONG, "a"]) for longer in ("windows", "cut")
    ]
    assert scores[0][0] == pytest.approx(mean, rel=1e-3, abs=1e-4)
    assert scores[1][0] == pytest.approx(logit(bare[:38]), rel=1e-3, abs=1e-4)
    assert scores[0][1] == pytest.approx(scores[1][1], rel=1e-4)
    with pytest.raises(RewardError, match="longer than the 40 tokens that it can read: 'ab ab"):
        reward(folder, label="joy", longer="refuse")([""], [LONG])


def test_both_reads_the_prompt_as_well(tmp_path):
    folder = folder_of("gpt2", tmp_path)
    scores = reward(folder, label="joy", reads="both")(["One day", "One day ", ""], ["she", "she", "she"])
    expected = [told["joy"] for told in piped(folder, ["One day she", "One day she", "she"])]
    assert scores == pytest.approx(expected, rel=1e-4)
    assert joined("a\n", "b") == "a\nb"


def test_what_is_not_a_classifier_is_refused(tmp_path):
    language = tiny_folders.tiny_folder("gpt2", tmp_path / "language")
    with pytest.raises(
        UserError, match=r"no classification head: 1 weights are missing, first score\.weight"
    ):
        load_classifier(str(language))
    with pytest.raises(UserError, match="nowhere: cannot be loaded"):
        load_classifier(str(tmp_path / "nowhere"))
    wider = json.loads((language / "config.json").read_text()) | {"n_inner": 20}
    (language / "config.json").write_text(json.dumps(wider))
    with pytest.raises(UserError, match="6 trunk weights are missing or of another shape"):
        classifier_on(str(language), LABELS, True)
    folder = folder_of("bert", tmp_path / "pickled")
    torch.save({}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match="cannot be loaded"):
        load_classifier(str(folder))


@pytest.mark.parametrize("family", tiny_folders.FAMILIES)
@pytest.mark.parametrize("lora", [None, LoRA(rank=2)], ids=["full", "lora"])
def test_a_head_on_any_trunk_learns_and_is_saved_as_transformers_reads_it(family, lora, tmp_path):
    trunk = tiny_folders.tiny_folder(family, tmp_path / "trunk")
    torch.manual_seed(0)
    model = classifier_on(str(trunk), LABELS, True, lora)
    learning = {name for name, parameter in model.network.named_parameters() if parameter.requires_grad}
    head = {name for name in learning if not name.startswith(f"{model.network.base_model_prefix}.")}
    assert head
    assert not any("lora" in name for name in head)
    assert any("lora" in name for name in learning) == (lora is not None)
    with torch.no_grad():  # as if it had learned
        for name, parameter in model.network.named_parameters():
            if name in learning:
                parameter.add_(0.2 * torch.randn_like(parameter))
    rows = model.tokens([model.encode(text) for text in TEXTS])
    with torch.no_grad():
        share = model.eval().logits(rows).sigmoid()
    save_classifier(model, tmp_path / "saved")
    for found, told in zip(piped(tmp_path / "saved", TEXTS, None), share.tolist(), strict=True):
        assert [found[label] for label in LABELS] == pytest.approx(told, rel=1e-3, abs=1e-4)
    assert json.loads((tmp_path / "saved" / "assent.json").read_text())["kind"] == "classes"


def test_a_classifier_keeps_its_head_for_the_same_labels_only(tmp_path):
    folder = folder_of("bert", tmp_path)
    before = load_classifier(str(folder)).network.classifier.weight
    same = classifier_on(str(folder), ("neutral", "joy", "anger"), True)
    assert same.labels == LABELS
    assert torch.equal(same.network.classifier.weight, before)
    other = classifier_on(str(folder), ("x", "y", "z"), False)
    assert (other.labels, other.kind) == (("x", "y", "z"), "one")
    assert not torch.allclose(other.network.classifier.weight, before)
    assert torch.equal(
        other.network.bert.embeddings.word_embeddings.weight,
        same.network.bert.embeddings.word_embeddings.weight,
    )
    assert len(classifier_on(str(folder), ("x", "y"), False).labels) == 2
