"""What is told of a file: every expected number was counted by hand on the few rows above it."""

import json

import pytest

from assent.data.formats.ours import OURS
from assent.data.inspection.facts import Inspection, Sample
from assent.data.inspection.problems import problems
from assent.data.inspection.seen import Seen
from assent.records import Prompt


def looked(tmp_path, rows, **options):
    """The facts of rows, written as JSON lines."""
    path = tmp_path / "rows.jsonl"
    lines = (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    inspection = Inspection(**options)
    inspection.read(str(path))
    return inspection.facts()


def judged(choice, annotator="", prompt="Why is the sky blue?", answers=("Because.", "Of the air."), **meta):
    meta |= {"annotator": annotator} if annotator else {}
    candidates = {f"candidate_{index}": text for index, text in enumerate(answers)}
    return {"input_text": prompt, **candidates, "choice": choice, "meta": meta}


def swapped(row):
    """The same judgement, its answers shown the other way round."""
    choice = row["choice"] if row["choice"] is None else 1 - row["choice"]
    return {**row, "candidate_0": row["candidate_1"], "candidate_1": row["candidate_0"], "choice": choice}


def whats(facts):
    return [problem["what"] for problem in problems(facts)]


def test_choices_by_place_and_length(tmp_path):
    rows = [judged(0), judged(0, prompt="b"), judged(1, prompt="c"), judged(None, prompt="d")]
    found = looked(tmp_path, rows)["comparisons"]
    first = found["positions"][0]
    assert (first["candidates"], first["wins"], first["biased"]) == (2, [2, 1], False)
    # Wilson of 2 in 3: (.6667 + 1.2805/2 ... ) as statsmodels' proportion_confint gives it
    assert (first["first"]["low"], first["first"]["high"]) == pytest.approx((0.2077, 0.9385), abs=1e-4)
    assert found["ties"] == 1
    assert (found["longer_wins"]["count"], found["longer_wins"]["of"]) == (1, 3)  # "Of the air." is longer
    assert (found["judgements"], found["items"], found["judgements_an_item"]) == (4, 4, {1: 4})


def test_a_lean_to_the_left_is_a_problem(tmp_path):
    rows = [judged(0 if n < 70 else 1, prompt=f"{n}") for n in range(100)]
    facts = looked(tmp_path, rows)
    assert facts["comparisons"]["positions"][0]["biased"]
    assert any(
        what.startswith("judgements lean to a place: the first of 2 wins 70%") for what in whats(facts)
    )


def test_chosen_first_tells_nothing_of_places(tmp_path):
    rows = [{"prompt": f"{n}?", "chosen": "yes", "rejected": "no"} for n in range(9)]
    facts = looked(tmp_path, rows)
    assert facts["formats"] == {"prompt-chosen-rejected": 9}
    assert facts["comparisons"]["positions"] == []
    assert facts["comparisons"]["longer_wins"]["share"] == 1


def test_agreement_whatever_the_side(tmp_path):
    """Ann and Bo judge four items; of the second Bo saw the sides swapped. They differ on the last."""
    said = [(0, 0), (1, 1), (1, 1), (0, 1)]
    rows = [judged(ann, "ann", f"{n}?") for n, (ann, _) in enumerate(said)]
    others = [judged(bo, "bo", f"{n}?") for n, (_, bo) in enumerate(said)]
    others[1] = swapped(others[1])
    found = looked(tmp_path, rows + others)["comparisons"]
    agreement = found["agreement"]
    assert agreement["percent"]["value"] == pytest.approx(3 / 4)
    # p_e = (2/4)(1/4) + (2/4)(3/4) = 1/2
    assert agreement["cohen_kappa"]["value"] == pytest.approx(0.5)
    assert agreement["cohen_kappa"]["between"] == ["ann", "bo"]
    # Fleiss: p = (3/8, 5/8), P_e = 34/64; (3/4 - 34/64) / (30/64)
    assert agreement["fleiss_kappa"]["value"] == pytest.approx(14 / 30)
    # Krippendorff: D_o = 2/8, D_e = 2 * 3 * 5 / (8 * 7)
    assert agreement["alpha"]["value"] == pytest.approx(1 - (2 / 8) / (30 / 56))
    assert (agreement["alpha"]["units"], agreement["alpha"]["judgements"]) == (4, 8)
    assert found["disagreements"] == {"count": 1, "example": f"{tmp_path}/rows.jsonl:8"}
    assert found["contradictions"]["count"] == 0
    assert found["judgements_an_item"] == {2: 4}


def test_duplicates_and_contradictions(tmp_path):
    rows = [
        judged(0, "ann"),
        swapped(judged(0, "ann")),  # 2: says the same again
        judged(0, "bo"),  # 3: says it for the first time
        judged(1, "ann"),  # 4: the opposite
        judged(None, "bo"),  # 5: a tie is not the opposite
        judged(0, "ann", "WHY is the sky  blue?"),  # 6: the same but for case and space
        judged(0, "ann", "Why is the sea blue?"),
        judged(1, "", "Why?"),
        judged(0, "", "Why?"),  # 9: nobody is named: disagreement, not contradiction
    ]
    facts = looked(tmp_path, rows)
    where = f"{tmp_path}/rows.jsonl"
    assert facts["repeats"]["comparisons"] == {
        "exact": {"count": 1, "example": f"{where}:2", "of": f"{where}:1"},
        "folded": {"count": 1, "example": f"{where}:6", "of": f"{where}:1"},
    }
    found = facts["comparisons"]
    assert found["contradictions"] == {"count": 1, "example": f"{where}:4"}
    assert found["disagreements"] == {"count": 1, "example": f"{where}:9"}
    assert (found["by_annotator"], found["unnamed"]) == ({"ann": 5, "bo": 2}, 2)
    assert "items of which one annotator said the opposite at another time" in whats(facts)


def test_agreement_that_chance_could_explain_is_a_problem(tmp_path):
    alike = [judged(n % 2, who, f"no {n}?") for n in range(40) for who in ("ann", "bo")]
    assert whats(looked(tmp_path, alike)) == []
    # bo says left throughout: half of the time it is what ann says
    bored = [
        judged(n % 2 if who == "ann" else 0, who, f"no {n}?") for n in range(40) for who in ("ann", "bo")
    ]
    assert any(
        what.startswith("agreement that chance could explain") for what in whats(looked(tmp_path, bored))
    )
    few = [*alike[:4], *bored[4:8]]
    assert not any(what.startswith("agreement") for what in whats(looked(tmp_path, few)))


def test_a_vote_said_twice_is_no_agreement(tmp_path):
    found = looked(tmp_path, [judged(0, "ann"), judged(0, "ann")])["comparisons"]
    assert found["agreement"]["percent"]["units"] == 0


def test_several_answers(tmp_path):
    answers = ("a", "bb", "ccc")
    rows = [
        {**judged(2, "ann", "x", answers), "ranking": [2, 0, 1]},
        {**judged(2, "bo", "x", answers), "ranking": [2, 1, 0]},  # differs on one pair of three
        judged(1, "ann", "y", answers),
        judged(1, "bo", "y", ("ccc", "bb", "a")),  # the same best, shown the other way round
    ]
    found = looked(tmp_path, rows)["comparisons"]
    assert found["candidates"] == {3: 4}
    assert found["positions"][0]["wins"] == [0, 2, 2]
    agreement = found["agreement"]
    assert agreement["percent"]["units"] == 4  # three pairs of x, the best of y
    assert agreement["percent"]["value"] == pytest.approx(3 / 4)
    # longer: of x, ann 1, 1, 0 of pairs (2 0) (2 1) (0 1), bo 1, 1, 1; of y, bb beats a and not ccc, twice
    assert (found["longer_wins"]["count"], found["longer_wins"]["of"]) == (7, 10)


def test_pairs(tmp_path):
    row = judged(None, "", "x", ("a", "b", "c"))
    del row["choice"]
    rows = [{**row, "pairs": [[0, 1, 0], [0, 2, None], [1, 2, 2]]}]
    found = looked(tmp_path, rows)["comparisons"]["pairs"]
    assert (found["first"], found["second"], found["ties"]) == (1, 1, 1)
    assert found["first_wins"]["share"] == 0.5


def test_people_and_models(tmp_path):
    rows = [judged(0, "ann", f"{n}") for n in range(4)] + [
        judged(int(n == 0), "ai:j", f"{n}") for n in range(4)
    ]
    facts = looked(tmp_path, rows)
    found = facts["comparisons"]
    assert (found["by_people"], found["by_models"]) == (4, 4)
    assert found["agreement"]["percent"]["units"] == 0  # among people
    assert found["agreement"]["people_with_models"] == {"percent": 0.75, "units": 4}
    assert "judgements by models among those of people" in whats(facts)


def test_seconds_and_strength(tmp_path):
    # 4 + 1 + 3 words at 16 a second are half a second: one second is the least that counts as read
    rows = [judged(0, "ann", seconds=seconds, strength=0.5) for seconds in (0.9, 1.1, 30)]
    found = looked(tmp_path, rows)["comparisons"]
    assert found["seconds"]["median"] == 1.1
    assert found["too_fast"] == {"count": 1, "example": f"{tmp_path}/rows.jsonl:1"}
    assert found["strength"]["count"] == 3
    long = "word " * 160  # ten seconds at that speed
    found = looked(tmp_path, [judged(0, "ann", long, seconds=9)])["comparisons"]
    assert found["too_fast"]["count"] == 1


def test_odd_texts(tmp_path):
    rows = [
        {
            "input_text": "Tell me of the moors of England",
            "output_text": "Tell me of the moors of England. Yes",
        },
        {"input_text": "?", "output_text": "What?"},
        {"input_text": "", "output_text": "Nothing."},
        {"input_text": "Say nothing.", "output_text": " "},
        {"input_text": "Grüße?", "output_text": "GrÃ¼ÃŸe"},
        {"input_text": "Bell?", "output_text": "\u0007"},
        {"input_text": "好", "output_text": "好。"},  # one character, and a word
    ]
    facts = looked(tmp_path, rows)
    counts = {name: noted["count"] for name, noted in facts["oddities"].items() if noted["count"]}
    assert counts == {
        **{"repeats_prompt": 1, "short_prompts": 1, "empty_prompts": 1},
        **{"empty_answers": 1, "mojibake": 1, "control": 1},
    }
    assert facts["scripts"]["Chinese or Japanese"] == pytest.approx(2 / 14)


def test_answers_that_were_cut(tmp_path):
    long = [f"{n:03} " + "and so on " * 30 for n in range(5)]
    rows = [{"input_text": f"{n}", "output_text": text[:100]} for n, text in enumerate(long)]
    rows += [{"input_text": f"{n} short", "output_text": "It ends. " * n} for n in range(1, 8)]
    facts = looked(tmp_path, rows)
    # "000 and so on ...": 100 characters, cut after a letter or a space that counts for nothing
    assert facts["cut"] == {
        "count": 5,
        "example": f"{tmp_path}/rows.jsonl:1",
        "length": 100,
        "unit": "characters",
    }
    assert any(what.startswith("answers that look cut") for what in whats(facts))
    ended = [{**row, "output_text": row["output_text"][:-1] + "."} for row in rows]
    assert looked(tmp_path, ended)["cut"] is None


def test_ratings(tmp_path):
    def rated(value, who, answer, **more):
        row = {"input_text": "Why?", "output_text": answer, "rating": value, "scale": [1, 5]}
        return {**row, "meta": {"annotator": who}, **more}

    rows = [rated(a, "ann", f"{n}") for n, a in enumerate((1, 2, 5))]
    rows += [rated(b, "bo", f"{n}") for n, b in enumerate((1, 4, 5))]
    rows += [rated(3, "ann", "0"), rated(0.5, "cy", "9", criterion="clear", scale=[0, 1])]
    facts = looked(tmp_path, rows)["ratings"]
    plain = facts["criteria"][""]
    assert plain["histogram"][0] == {"from": 1.0, "to": 1.0, "count": 2}
    assert [bar["count"] for bar in plain["histogram"]] == [2, 1, 1, 1, 2]
    assert plain["mean"] == pytest.approx(21 / 7)
    # Votes once each: (1 1), (2 4), (5 5). D_o = 2 * 4 / 6; sum x = 18, sum x^2 = 72,
    # D_e = 2 (6 * 72 - 324) / (6 * 5) = 7.2
    assert plain["agreement"]["alpha"]["value"] == pytest.approx(1 - (8 / 6) / 7.2)
    assert facts["contradictions"] == {"count": 1, "example": f"{tmp_path}/rows.jsonl:7"}
    assert facts["criteria"]["clear"]["scales"] == [[0.0, 1.0]]
    assert facts["by_annotator"] == {"ann": 4, "bo": 3, "cy": 1}


def test_numbers_on_several_scales_have_no_mean(tmp_path):
    rows = [
        {"input_text": "a", "output_text": "x", "rating": value, "scale": scale}
        for value, scale in ((1, [0, 1]), (5, [1, 5]))
    ]
    facts = looked(tmp_path, rows)
    assert facts["ratings"]["criteria"][""]["mean"] is None
    assert "several scales for the rating: 0-1 and 1-5" in whats(facts)


def test_labels(tmp_path):
    rows = [
        {"text": "Glad!", "label": "joy"},
        {"text": "Hm.", "labels": ["doubt", "joy"]},
        {"text": "Glad!", "label": "anger"},
    ]
    found = looked(tmp_path, rows)["labelled"]
    assert (found["labels"], found["labels_a_text"]) == ({"joy": 2, "doubt": 1, "anger": 1}, {1: 2, 2: 1})
    assert found["labelled_differently"] == {"count": 1, "example": f"{tmp_path}/rows.jsonl:3"}


def test_bad_rows_do_not_end_it(tmp_path):
    rows = [judged(0), "not json", judged(7), judged(1, prompt="b"), '{"unknown": 1}']
    facts = looked(tmp_path, rows)
    assert (facts["rows"], facts["bad_rows"]["count"]) == (2, 3)
    told = {row["where"].rsplit(":", 1)[1]: row["problem"] for row in facts["bad_rows"]["first"]}
    assert list(told) == ["2", "3", "5"]
    assert told["2"].startswith("not valid JSON")
    assert "choice 7 is not one of the 2 candidates (0..1)" in told["3"]


def test_the_sample_is_even_and_repeatable():
    def drawn(seed):
        sample = Sample(10, seed)
        for number in range(100):
            sample.add(number, Seen("", OURS[0], Prompt("", id=f"{number}")))
        return [int(one.record.id) for one in sample.rows()]

    assert drawn(0) == drawn(0) != drawn(1)
    assert all(rows[:3] == [0, 1, 2] and len(rows) == len(set(rows)) == 10 for rows in map(drawn, range(50)))
    # 7 of 97 later rows: each is as likely as another, 36 times in 500 and 6 more or fewer
    for row in (3, 50, 99):
        assert 18 <= sum(row in drawn(seed) for seed in range(500)) <= 54


def test_few_rows_are_all_shown(tmp_path):
    inspection = Inspection(rows=2)
    path = tmp_path / "few.jsonl"
    path.write_text(json.dumps(judged(0)) + "\n", encoding="utf-8")
    inspection.read(str(path))
    assert [one.where for one in inspection.sample.rows()] == [f"{path}:1"]
