"""Length, position, and who a text speaks of; words left out. Expected values are worked out by hand."""

import numpy as np
import pytest
from scipy import stats

from assent.config import check
from assent.errors import RewardError, UserError
from assent.evaluation import bias, scored
from assent.records import Comparison, Prompt
from assent.rewards.groups import Axis, axes
from assent.rewards.probes import swapped, swapped_templates, weighed
from assent.stages.trust import Judged, Trust, trust_report

PEOPLE = Axis(
    groups={"women": ["she", "her", "her", "woman", "Emma"], "men": ["he", "him", "his", "man", "John"]},
    templates=["He met a man.", "{word} came."],
)
COUNTRIES = Axis(groups={"a": ["American"], "n": ["Nigerian"], "i": ["old Indian"]})


def words(count):
    return " ".join(["word"] * count)


def pairs_of(rows):
    """Pairs from (words of the better, words of the worse, margin)."""
    found = []
    for place, (better, worse, margin) in enumerate(rows):
        comparison = Comparison(Prompt(f"p{place}"), (words(better), words(worse)), 0)
        found += scored.pairs([comparison], [(margin, 0.0)])
    return found


def test_length_bias_by_hand():
    # 24 pairs: people prefer the longer in 12, the reward in 18 (6 of them against people)
    rows = [(5, 2, 1.0)] * 12 + [(2, 5, -1.0)] * 6 + [(2, 5, 1.0)] * 6
    found = bias.length_bias(pairs_of(rows), seed=0)
    assert (found["people"]["share"], found["model"]["share"]) == (0.5, 0.75)
    assert found["excess"] == 0.25
    assert 0 < found["excess_low"] < 0.25 < found["excess_high"]
    margins, longer = np.asarray([r[2] for r in rows]), np.asarray([r[0] - r[1] for r in rows])
    oracle = stats.spearmanr(np.r_[margins, -margins], np.r_[longer, -longer]).statistic
    assert found["correlation"] == pytest.approx(oracle)
    assert found["n"] == 24
    assert bias.length_bias(pairs_of([(3, 3, 1.0)] * 30), seed=0) is None  # no lengths to differ


def test_position_bias_by_hand():
    chosen = [0] * 15 + [1] * 5
    found = [Comparison(Prompt("p"), ("a", "b"), choice) for choice in chosen]
    scores = [(1.0, 0.0)] * 20  # always for the first
    told = bias.position_bias(scored.decisions(found, scores))
    assert (told["first"]["share"], told["expected"], told["n"]) == (0.75, 0.5, 20)
    assert (told["when_first"]["accuracy"], told["when_later"]["accuracy"]) == (1, 0)
    assert bias.position_bias(scored.decisions(found[:19], scores[:19])) is None


def test_swaps_keep_case_articles_and_everything_else():
    assert PEOPLE.versions("He gave his man a dog. HE WON, Emma!", "The woman") is not None
    women, men = PEOPLE.versions("He saw a man, MAN, and the theme of human sheds.")
    assert women == ("She saw a woman, WOMAN, and the theme of human sheds.",)
    assert men == ("He saw a man, MAN, and the theme of human sheds.",)
    _, nigerian, indian = COUNTRIES.versions("An American is an  American.")
    assert nigerian == ("A Nigerian is a  Nigerian.",)
    assert indian == ("An old Indian is an  old Indian.",)
    assert COUNTRIES.versions("An american dream") is None  # a name begins with a capital
    assert COUNTRIES.versions("OLD INDIAN")[0] == ("AMERICAN",)


def test_a_word_with_two_counterparts_is_not_guessed():
    assert PEOPLE.versions("I saw her") is None  # him or his
    assert PEOPLE.versions("I saw him")[0] == ("I saw her",)
    assert PEOPLE.versions("Nobody is here") is None


def test_templates_are_swapped_as_texts_are():
    assert PEOPLE.sentences() == [
        (0, "He met a man."), (-1, "she came."), (-2, "her came."), (-3, "her came."), (-4, "woman came."),
        (-5, "Emma came."),
    ]  # fmt: skip


def fond_of_men(prompts, answers):
    """Two for each `he` or `man`, one for each `she` or `woman`, ten for what the prompt asks."""
    worth = {"he": 2, "man": 2, "she": 1, "woman": 1}
    return [
        10.0 * ("man" in prompt.split())
        + sum(worth.get(word.strip(".").lower(), 0) for word in answer.split())
        for prompt, answer in zip(prompts, answers, strict=True)
    ]


def test_group_changes_by_hand():
    texts = [("a man", "he is a man"), ("x", "nobody"), ("x", "she"), ("x", "he")]
    found = swapped(fond_of_men, texts, PEOPLE, 2, "fond")
    # women, men: 'a woman' is asked, and 'she is a woman' gives 2; 'a man' and 'he is a man' give 10 + 4
    assert found.scores.tolist() == [[2, 14], [1, 2]]
    assert found.clusters == ["a man", "x"]
    (row,) = bias.group_changes(found.scores, PEOPLE.names, found.clusters, deviation=2.0, seed=0)
    assert (row["left"], row["right"], row["change"], row["n"]) == ("women", "men", 3.25, 2)
    assert (row["ci_low"], row["ci_high"]) == (0.5, 6.0)  # both clusters the same, or the other
    sentences = swapped_templates(fond_of_men, PEOPLE, "fond")
    assert sentences.scores[0].tolist() == [2, 4]
    assert len(sentences.scores) == 4  # the two with `her` are not certain


def test_three_groups_make_three_pairs_the_widest_first():
    scores = np.asarray([[0.0, 1.0, 3.0], [0.0, 1.0, 3.0]])
    rows = bias.group_changes(scores, ["a", "b", "c"], [1, 2], 1.0, 0)
    assert [(row["left"], row["right"], row["change"]) for row in rows] == [
        ("a", "c", 3), ("b", "c", 2), ("a", "b", 1),
    ]  # fmt: skip


def test_the_lists_that_come_with_the_package_are_whole():
    found = axes()
    assert list(found) == [
        "first names by origin", "first names by gender", "gender words", "religion", "nationality", "age",
    ]  # fmt: skip
    for axis in found.values():
        assert axis.says
        assert all(axis.versions(sentence) is not None for _, sentence in axis.sentences())
        assert len(axis.sentences()) >= 8
        for versions in (axis.versions(sentence) for _, sentence in axis.sentences()):
            assert len(set(versions)) > 1


def test_a_list_of_your_own_and_its_mistakes(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("pets: {groups: {cats: [cat], dogs: [dog]}, templates: [I have a cat.]}\n")
    assert axes(file)["pets"].versions("A cat.") == [("A cat.",), ("A dog.",)]
    for text, said in (
        ("pets: {groups: {cats: [cat]}}", "expected two or more"),
        ("pets: {groups: {cats: [cat], dogs: [dog, hound]}}", "must be of one length"),
        ("pets: {groups: {cats: ['  '], dogs: [dog]}}", "cats holds an empty word"),
        ("pets: {group: {cats: [cat], dogs: [dog]}}", "did you mean groups"),
        ("pets: [cat]", "expected settings"),
    ):
        file.write_text(text)
        with pytest.raises(UserError, match=said) as caught:
            axes(file)
        assert str(file) in str(caught.value)


def test_too_few_texts_are_told_as_a_count_and_templates_always():
    found = [Comparison(Prompt(f"p{k}"), (f"he and {k}", f"{words(k)} other"), 0) for k in range(5)]
    facts = trust_report(fond_of_men, Judged(found), Trust(attributions=0), "fond")
    gender = next(row for row in facts["groups"] if row["axis"] == "gender words")
    assert gender["held_out"] == {"texts": 5, "changes": []}
    assert gender["templates"]["texts"] == 8
    assert gender["templates"]["changes"][0]["change"] > 0
    same = trust_report(lambda p, r: [1.0] * len(r), Judged(found), Trust(), "same")
    assert same["groups"] == []
    assert "no unit" in same["missing"]["groups"]


def test_a_text_that_the_reward_refuses_is_named_and_the_rest_is_measured():
    def narrow(prompts, answers):
        if any("Nigerian" in answer for answer in answers):
            raise RewardError("reward narrow: a text is too long")
        return fond_of_men(prompts, answers)

    found = [Comparison(Prompt("p"), ("he", "nobody"), 0)]
    facts = trust_report(narrow, Judged(found), Trust(), "narrow")
    assert facts["missing"]["groups: nationality"] == "reward narrow: a text is too long"
    assert "nationality" not in [row["axis"] for row in facts["groups"]]
    assert "religion" in [row["axis"] for row in facts["groups"]]


def test_words_left_out_one_by_one():
    def without(prompts, answers):
        return [2.0 * ("good" in answer) - answer.count("bad") for answer in answers]

    found = weighed(without, "p", " good\nbad  x bad ", 3, "w")
    assert found.score == 0
    assert found.pieces == [" good", "\nbad", "  x", " bad", " "]
    assert "".join(found.pieces) == " good\nbad  x bad "
    assert found.effects == [2, -1, 0, None, None]
    assert weighed(without, "p", "", 3, "w").pieces == []


def test_axes_are_settings():
    with pytest.raises(UserError, match="groups is missing"):
        check(Axis, {"says": "x"}, "here")
