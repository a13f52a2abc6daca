"""ROUGE and BLEU by hand, in English and Chinese, and beside the libraries' own ways."""

import sys

import numpy as np
import pytest
import sacrebleu
from rouge_score import rouge_scorer

from assent.errors import UserError
from assent.evaluation.overlap import Overlap, Words, language_of, unspaced_share

ENGLISH = Overlap.of(("rouge", "bleu"), "en", "report")
CHINESE = Overlap.of(("rouge", "bleu"), "zh", "report")


def test_rouge_by_hand():
    # 2 of 3 words, 2 of 4 words: F1 = 4/7; 1 of 2 pairs, 1 of 3 pairs: 2/5; in order: the cat.
    [row] = ENGLISH.rouge(["The cat sat."], [["the cat ran away"]])
    assert row == pytest.approx({"rouge_1": 4 / 7, "rouge_2": 2 / 5, "rouge_l": 4 / 7})
    # in another order: all words, no pair, one word in order
    [row] = ENGLISH.rouge(["sat cat"], [["cat sat"]])
    assert row == pytest.approx({"rouge_1": 1.0, "rouge_2": 0.0, "rouge_l": 0.5})


def test_rouge_of_chinese_by_hand():
    # 2 of 4 characters, 1 of 3 pairs
    [row] = CHINESE.rouge(["我爱北京。"], [["我爱上海。"]])
    assert row == pytest.approx({"rouge_1": 1 / 2, "rouge_2": 1 / 3, "rouge_l": 1 / 2})
    # What the library makes of it by itself, and why it is not left to itself.
    assert rouge_scorer.RougeScorer(["rouge1"]).score("我爱北京。", "我爱北京。")["rouge1"].fmeasure == 0


def test_an_answer_without_words_shares_none():
    rows = ENGLISH.rouge(["", "?!"], [["some words"], ["some words"]])
    assert rows == [{"rouge_1": 0.0, "rouge_2": 0.0, "rouge_l": 0.0}] * 2


def test_of_several_references_the_closest_counts():
    [row] = ENGLISH.rouge(["a red ball"], [["two green cars", "a red ball", "a red car"]])
    assert row == {"rouge_1": 1.0, "rouge_2": 1.0, "rouge_l": 1.0}


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ["我爱gpt", "2", "und", "größe"]), ("zh", ["我", "爱", "gpt", "2", "und", "größe"])],
)
def test_words_keep_letters_of_every_script(language, words):
    assert Words(language).tokenize("我爱GPT-2 und Größe!") == words


def test_of_plain_english_words_are_the_librarys_own():
    texts = ["Don't stop: it's 3.5 km, or 2_000 m (2.2 miles).", "A  B\nc", "x", ""]
    usual = rouge_scorer.RougeScorer(["rouge1"])._tokenizer
    for text in texts:
        assert Words("en").tokenize(text) == Words("zh").tokenize(text) == usual.tokenize(text)


def test_language_goes_by_letters():
    assert unspaced_share(["我爱", "ab 12!"]) == 0.5
    assert unspaced_share(["12 !"]) == 0
    assert language_of(["我爱北京", "ok"]) == "zh"
    assert language_of(["The word 爱 stands in a long English sentence."]) == "en"
    assert language_of(["東京へ行きます"]) == "zh"
    assert language_of(["사람이 쓴 글"]) == "en"  # Korean has spaces
    assert language_of([]) == "en"


def test_bleu_by_hand():
    # runs of 1 to 4 words: 5 of 6, 3 of 5, 2 of 4, 1 of 3; as long as the reference, so no penalty
    sums = ENGLISH.bleu(["the cat sat on the mat"], [["the cat sat on a mat"]]).sum(axis=0)
    assert sums.tolist() == [6, 6, 5, 3, 2, 1, 6, 5, 4, 3]
    assert ENGLISH.bleu_of(sums) == pytest.approx(100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25)
    # four of eight words, all right: the penalty alone, exp(1 - 8/4)
    sums = ENGLISH.bleu(["one two three four"], [["one two three four five six seven eight"]]).sum(axis=0)
    assert ENGLISH.bleu_of(sums) == pytest.approx(100 * np.exp(-1))


def test_bleu_of_chinese_counts_characters():
    # 4 characters and a stop: 3 of 5, 1 of 4, 0 of 3 and 0 of 2, smoothed to 1/(2*3) and 1/(4*2)
    sums = CHINESE.bleu(["我爱北京。"], [["我爱上海。"]]).sum(axis=0)
    assert sums.tolist() == [5, 5, 3, 1, 0, 0, 5, 4, 3, 2]
    assert CHINESE.bleu_of(sums) == pytest.approx(100 * (3 / 5 * 1 / 4 * 1 / 6 * 1 / 8) ** 0.25)
    assert ENGLISH.bleu_of(ENGLISH.bleu(["我爱北京。"], [["我爱上海。"]]).sum(axis=0)) == 0


@pytest.mark.parametrize(("overlap", "cut"), [(ENGLISH, "13a"), (CHINESE, "zh")])
def test_bleu_of_a_set_is_sacrebleus(overlap, cut):
    answers = ["The cat sat on the mat.", "It is raining again, again.", "", "猫坐在垫子上,很高兴。"]
    references = [
        ["A cat sat on the mat."],
        ["It rains again.", "It is raining, again."],
        ["Nothing at all was said."],
        ["猫坐在垫子上。", "猫很高兴。"],
    ]
    second = [found[1] if len(found) > 1 else None for found in references]
    whole = sacrebleu.corpus_bleu(answers, [[found[0] for found in references], second], tokenize=cut)
    assert overlap.bleu_of(overlap.bleu(answers, references).sum(axis=0)) == pytest.approx(whole.score)
    signature = overlap.signature(references)
    assert f"tok:{cut}|" in signature
    assert "nrefs:var|" in signature
    assert "smooth:exp|" in signature


@pytest.mark.parametrize(("metric", "library"), [("rouge", "rouge_score"), ("bleu", "sacrebleu")])
def test_a_missing_library_is_named_with_its_command(monkeypatch, metric, library):
    for name in [name for name in sys.modules if name.split(".")[0] == library]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match=rf"report: {metric}: needs {library}.* 'assent\[metrics\]'"):
        Overlap.of((metric,), "en", "report")
    other = {"rouge": "bleu", "bleu": "rouge"}[metric]
    Overlap.of((other,), "en", "report")  # what is not asked for may be missing
