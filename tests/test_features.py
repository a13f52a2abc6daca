"""Features by hand, and against scikit-learn and transformers themselves."""

import math

import numpy as np
import pytest
import torch
import transformers
from sklearn.feature_extraction.text import TfidfVectorizer
from tiny_encoders import tiny_encoder
from tiny_folders import tiny_folder

from assent.config import check
from assent.errors import UserError
from assent.models.embedding import load_embedding
from assent.rewards.effects import effects
from assent.rewards.features import (
    Features,
    Ngrams,
    Tfidf,
    fit_reader,
    length_features,
    overlap_features,
    readability_features,
    sentences_in,
    syllables,
    words_of,
)

TEXTS = [
    "The cat sat on the mat.",
    "A dog doesn't sit on a mat. It runs!",
    "Why would the cat sit?",
    "Nobody knows why the dog runs and runs.",
]
COUNTS_ONLY = {"words": None}


def test_words_keep_their_apostrophes():
    assert words_of("I don't, and I won\u2019t: it's 3 o'clock 'now'") == [
        "I", "don't", "and", "I", "won't", "it's", "3", "o'clock", "now"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("...", 0),
        ("No mark", 1),
        ("One. Two! Three?", 3),
        ('He said "Stop." Then he left', 2),
        ("It costs 3.50 at www.example.com today.", 1),  # a mark inside a word ends nothing
        ("Really?! Yes...", 2),
        ("今天下雨。我不去！", 2),  # no space stands between sentences
    ],
)
def test_sentences(text, count):
    assert sentences_in(text) == count


def test_syllables():
    words = ["the", "make", "table", "tree", "whole", "reading", "beautiful", "Syllable", "rhythm", "hmm"]
    assert [syllables(word) for word in words] == [1, 1, 2, 1, 1, 2, 3, 3, 1, 1]


def test_lengths():
    # The cat sat The dog didn't run: 7 words of 3+3+3+3+3+6+3 = 24 letters
    text = "The cat sat. The dog didn't run!"
    assert length_features("", text) == pytest.approx((7, 32, 2, 24 / 7, math.log(8)))


def test_readability_as_published():
    """6 words, 1 sentence, 6 syllables: 206.835 - 6.09 - 84.6 and 2.34 + 11.8 - 15.59."""
    assert readability_features("", "The cat sat on the mat.") == pytest.approx((116.145, -1.45))


def test_readability_by_hand():
    # re-spon-si-bil-i-ty is-n't ea-sy, Peo-ple learn: 5 words, 2 sentences; 6 + 1 + 2 + 2 + 1 = 12 groups
    text = "Responsibility isn't easy. People learn."
    assert readability_features("", text) == pytest.approx(
        (206.835 - 1.015 * 2.5 - 84.6 * 2.4, 0.39 * 2.5 + 11.8 * 2.4 - 15.59)
    )


def test_overlap_by_hand():
    # Asked: where is my cat (4). Said: your cat is on the mat, my friend (8), of which cat, is, my.
    found = overlap_features("Where is my cat? My cat!", "Your cat is on the mat, my friend.")
    assert found == pytest.approx((3 / 4, 3 / 8))


def test_dense_features_are_standardised():
    reader = fit_reader(check(Features, COUNTS_ONLY, "f"), [""] * 4, TEXTS, None)
    matrix = reader.matrix([""] * 4, TEXTS).toarray()
    assert matrix.mean(axis=0) == pytest.approx(np.zeros(5), abs=1e-12)
    assert matrix.std(axis=0) == pytest.approx(np.ones(5))
    # words: 6, 9, 5, 8; mean 7, deviation sqrt((1 + 4 + 4 + 1) / 4)
    assert matrix[:, 0] == pytest.approx(np.array([-1, 2, -2, 1]) / math.sqrt(2.5))


def test_what_a_text_has_not_counts_as_average():
    chosen = check(Features, {**COUNTS_ONLY, "readability": True, "overlap": True}, "f")
    reader = fit_reader(chosen, ["Why?"] * 5, [*TEXTS, ""], None)
    names = [str(column) for column in reader.columns]
    empty = dict(zip(names, reader.matrix(["Why?"], [""]).toarray()[0], strict=True))
    assert empty["length: mean word length"] == 0
    assert empty["readability: Flesch reading ease"] == 0
    assert empty["overlap: share of the prompt repeated"] == 0
    assert empty["length: words"] < -1  # no words is a number of words


def test_a_feature_that_never_varies_says_nothing():
    reader = fit_reader(check(Features, COUNTS_ONLY, "f"), ["", ""], ["one two", "two one"], None)
    assert np.abs(reader.matrix(["", ""], ["one two", "two one"]).toarray()).max() == 0
    assert reader.scale.tolist() == [1.0] * 5


@pytest.mark.parametrize(("group", "analyser"), [("words", "word"), ("characters", "char_wb")])
def test_tfidf_is_scikit_learns(group, analyser):
    table = Tfidf.fit(group, Ngrams(ngrams=(1, 2), at_least=2), TEXTS)
    theirs = TfidfVectorizer(
        analyzer=analyser,
        ngram_range=(1, 2),
        min_df=2,
        sublinear_tf=True,
        token_pattern=r"\w+(?:'\w+)*" if group == "words" else None,
    ).fit(TEXTS)
    assert table.terms == theirs.get_feature_names_out().tolist()
    new = ["The dog doesn't know why", "mat mat mat"]
    assert (table.matrix(new) != theirs.transform(new)).nnz == 0


def test_tfidf_by_hand():
    """Texts a b, a c: idf = ln(3 / (1 + count)) + 1; a twice counts 1 + ln 2; rows of length 1."""
    table = Tfidf.fit("words", Ngrams(ngrams=(1, 1), at_least=1), ["a b", "a c"])
    idf_a, idf_b = 1.0, math.log(3 / 2) + 1
    a, b = (1 + math.log(2)) * idf_a, idf_b
    expected = np.array([a, b, 0]) / math.hypot(a, b)
    assert table.matrix(["a b A"]).toarray()[0] == pytest.approx(expected)


def test_both_apostrophes_are_one():
    table = Tfidf.fit("words", Ngrams(ngrams=(1, 1), at_least=2), ["don't go", "don\u2019t go"])
    assert table.terms == ["don't", "go"]


def test_columns_say_what_they_are():
    chosen = check(Features, {"words": {"at_least": 3, "ngrams": [1, 1]}, "overlap": True}, "f")
    reader = fit_reader(chosen, [""] * 4, TEXTS, None)
    assert [str(column) for column in reader.columns] == [
        "length: words", "length: characters", "length: sentences", "length: mean word length",
        "length: log words", "overlap: share of the prompt repeated",
        "overlap: share of the answer from the prompt", "words: the",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"length": False, "words": None}, "choose at least one of length, words, characters"),
        ({"words": {"ngrams": [2, 1]}}, "expected shortest and longest"),
        ({"words": {"ngram": [1, 1]}}, "unknown key words.ngram; did you mean ngrams"),
    ],
)
def test_settings_that_make_no_sense(settings, message):
    with pytest.raises(UserError, match=message):
        check(Features, settings, "judge")


def test_no_term_in_enough_answers():
    chosen = check(Features, {"words": {"at_least": 4}}, "f")
    with pytest.raises(UserError, match=r"features\.words: no term stands in 4 of the 2 training answers"):
        fit_reader(chosen, ["", ""], ["one", "two"], None)


@pytest.fixture(params=["bert", "roberta", "t5", "gpt2"])
def folder(request, tmp_path):
    made = tiny_encoder if request.param in ("bert", "roberta") else tiny_folder
    return made(request.param, tmp_path / request.param)


def mean_of_states(folder, text: str) -> torch.Tensor:
    """transformers alone: one text at a time, so nothing is padded."""
    network = transformers.AutoModel.from_pretrained(folder).eval()
    reader = network.get_encoder() if network.config.is_encoder_decoder else network
    ids = transformers.AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        return reader(input_ids=ids).last_hidden_state[0].mean(dim=0)


def test_embeddings_are_means_over_real_tokens(folder):
    embedding = load_embedding(str(folder))
    found = embedding(TEXTS)
    assert found.dtype == np.float32
    for text, vector in zip(TEXTS, found, strict=True):
        assert vector == pytest.approx(mean_of_states(folder, text).numpy(), abs=1e-5)


def test_an_embedding_survives_its_folder(folder, tmp_path):
    embedding = load_embedding(str(folder))
    embedding.save(tmp_path / "copy")
    assert (load_embedding(str(tmp_path / "copy"))(TEXTS) == embedding(TEXTS)).all()


def test_texts_longer_than_the_context_lose_their_end(tmp_path):
    embedding = load_embedding(str(tiny_encoder("roberta", tmp_path / "roberta")))
    long, longer = "the park " * 100, "the park " * 200
    assert embedding.context == 64  # of 66 positions two stand before the first token
    assert embedding.cut([*TEXTS, long]) == 1
    assert (embedding([long]) == embedding([longer])).all()


def test_no_embedding_there(tmp_path):
    with pytest.raises(UserError, match="cannot be loaded"):
        load_embedding(str(tmp_path))


def test_embeddings_are_columns_like_others(tmp_path):
    folder = tiny_encoder("bert", tmp_path / "bert")
    chosen = check(Features, {"length": False, "words": None, "embedding": str(folder)}, "f")
    embedding = load_embedding(str(folder))
    reader = fit_reader(chosen, [""] * 4, TEXTS, embedding)
    width = embedding(TEXTS[:1]).shape[1]
    assert [str(column) for column in reader.columns] == [f"embedding: {axis}" for axis in range(width)]
    raw = embedding(TEXTS).astype(np.float64)
    standard = (raw - raw.mean(axis=0)) / raw.std(axis=0)
    assert reader.matrix([""] * 4, TEXTS).toarray() == pytest.approx(standard, abs=1e-9)


def test_effects_by_hand():
    """Words 1, 3 (deviation 1) and the term b in one of two answers, where TF-IDF gives it some share."""
    chosen = check(Features, {"words": {"ngrams": [1, 1], "at_least": 1}}, "f")
    responses = ["a", "a b b"]
    reader = fit_reader(chosen, ["", ""], responses, None)
    weights = np.zeros(7)
    names = [str(column) for column in reader.columns]
    weights[names.index("length: words")] = -0.8
    weights[names.index("words: b")] = 2.0
    matrix = reader.matrix(["", ""], responses)
    share = matrix[1, names.index("words: b")]
    told = effects(reader, weights, matrix)
    expected = [
        {"feature": "words: b", "effect": share, "weight": 2.0, "share_of_answers": 0.5, "answers": 1},
        # standardised to -1 and 1: deviation 1; a word more is one deviation more
        {"feature": "length: words", "effect": -0.8, "weight": -0.8, "share_of_answers": 1.0, "answers": 2},
    ]
    assert [row["feature"] for row in told["effects"]] == [row["feature"] for row in expected]
    for row, by_hand in zip(told["effects"], expected, strict=True):
        assert row == pytest.approx(by_hand)
    assert told["groups_of_features"] == [
        {"group": "length", "effect": pytest.approx(0.8)},
        {"group": "words", "effect": pytest.approx(share)},
    ]
