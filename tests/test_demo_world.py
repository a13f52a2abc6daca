import json
import random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assent.demo import gold, panel, world
from assent.errors import UserError

REPORT = "On Tuesday the baker Mara found three boats in Lund. It rained all day and the streets were quiet."
PERFECT = "Mara found three boats in Lund on Tuesday."
FACTS = world.Facts(who="Mara", did="found", count="three", thing="boats", place="Lund", day="Tuesday")
NEVER = world.Habits(loaded=0, broken=0, wrong=0, missing=0, run_on=0)
TAIL = " and then the evening was quiet near the river, and nobody at the station said a word."


def score(text):
    return gold.score([REPORT], [text])[0]


def test_world_follows_from_its_seed():
    assert world.corpus(3, 50) == world.corpus(3, 50)
    assert world.corpus(3, 50) != world.corpus(4, 50)
    assert world.corpus(3, 80)[0].startswith("Report: ")
    assert world.demonstrations(3, 50) == world.demonstrations(3, 50)
    assert world.prompts(3, 50) == world.prompts(3, 50)


def test_prompts_avoid_the_excluded_and_differ():
    first = world.prompts(1, 40)
    more = world.prompts(1, 40, exclude=set(first))
    assert len({*first, *more}) == 80


def test_written_world_shares_no_report_between_files(tmp_path):
    folder = tmp_path / "new" / "world"
    world.write_world(folder, 7, documents=300, demonstrations=100, prompts=80, held_out=60)

    texts = (folder / "corpus.txt").read_text("utf-8").removesuffix("\n").split("\n<|endoftext|>\n")
    rows = {
        name: [json.loads(line) for line in (folder / f"{name}.jsonl").read_text("utf-8").splitlines()]
        for name in ("demonstrations", "prompts", "held_out")
    }
    reports = [text.removeprefix("Report: ").split("\nBrief: ")[0] for text in texts]
    reports += [row["input_text"] for part in rows.values() for row in part]
    assert [len(texts), *map(len, rows.values())] == [300, 100, 80, 60]
    assert len(set(reports)) == 540
    assert set(rows["demonstrations"][0]) == {"input_text", "output_text"}
    assert set(rows["prompts"][0]) == set(rows["held_out"][0]) == {"input_text"}
    assert sorted(path.name for path in folder.iterdir()) == [
        "corpus.txt",
        "demonstrations.jsonl",
        "held_out.jsonl",
        "prompts.jsonl",
    ]


def test_written_world_is_the_same_to_the_byte(tmp_path):
    for name in ("a", "b"):
        world.write_world(tmp_path / name, 7, documents=20, demonstrations=5, prompts=5, held_out=5)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_document_is_the_template_of_fine_tuning():
    assert world.document("It rained.", PERFECT) == f"Report: It rained.\nBrief: {PERFECT}"
    assert (world.PREFIX, world.SUFFIX) == ("Report: ", "\nBrief:")


def test_vocabulary_is_small_and_holds_every_word_written():
    words = world.vocabulary()
    assert 230 <= len(words) <= 260
    written = " ".join(report + " " + brief for report, brief in world.demonstrations(0, 2000))
    assert {word.strip(".,").lower() for word in written.split()} <= words


def test_reports_hold_their_facts_once_each_kind_and_are_short():
    rng = random.Random(0)
    for _ in range(500):
        facts = world.draw_facts(rng)
        report = world.write_report(facts, rng)
        words = [word.strip(".,") for word in report.split()]
        for kind, known in world.KINDS.items():
            assert {word for word in words if word in known} == {getattr(facts, kind)}
        assert 24 <= len(words) <= 35
        assert report.count(".") in (2, 3)
        assert not world.LOADED & set(words)


def test_good_writers_write_what_gold_calls_perfect():
    rng = random.Random(0)
    briefs = {world.write_brief(FACTS, rng, NEVER) for _ in range(60)}
    assert briefs == {
        "Mara found three boats in Lund on Tuesday.",
        "Mara found three boats on Tuesday in Lund.",
        "On Tuesday Mara found three boats in Lund.",
        "In Lund Mara found three boats on Tuesday.",
    }
    assert {score(brief) for brief in briefs} == {1.0}
    assert score(" " + PERFECT) == 1.0  # a response begins with the space that ends the prompt


@pytest.mark.parametrize(
    ("habit", "part"),
    [
        ("loaded", "neutral"),
        ("broken", "grammatical"),
        ("wrong", "facts"),
        ("missing", "facts"),
        ("run_on", "short"),
    ],
)
def test_each_habit_lowers_its_own_part_and_no_other(habit, part):
    rng = random.Random(1)
    habits = world.Habits(**{**dict.fromkeys(NEVER.__dataclass_fields__, 0.0), habit: 1.0})
    for _ in range(300):
        brief = world.write_brief(FACTS, rng, habits)
        lowered = [name for name, value in gold.parts(REPORT, brief).items() if value < 1]
        assert lowered == [part], brief
        assert score(brief) < 1


# By hand: six facts; two loaded words, three mistakes or 24 words leave nothing of their part.
@pytest.mark.parametrize(
    ("brief", "part", "value"),
    [
        ("Jonas found three boats in Lund on Tuesday.", "facts", 4 / 6),  # five right, one wrong
        ("Mara found three boats on Tuesday.", "facts", 5 / 6),  # one missing
        ("Somebody found three boats in Lund on Tuesday.", "facts", 5 / 6),
        ("Mara Jonas found three boats in Lund on Tuesday.", "facts", 4 / 6),  # names two, so neither
        ("Mara sadly found three boats in Lund on Tuesday.", "neutral", 1 / 2),
        ("Mara sadly found three glorious boats in Lund on Tuesday.", "neutral", 0),
        ("Sadly Mara found three boats in Lund on Tuesday.", "grammatical", 1),
        ("Mara find three boats in Lund on Tuesday.", "grammatical", 2 / 3),
        ("Mara find three boats in Lund on Tuesday.", "facts", 1),
        ("Mara found three boat in Lund on Tuesday.", "grammatical", 2 / 3),
        ("Mara found three three boats in Lund on Tuesday.", "grammatical", 2 / 3),
        ("Mara found three boats Lund on Tuesday.", "grammatical", 2 / 3),
        ("mara found three boats in Lund on Tuesday.", "grammatical", 2 / 3),
        ("in Lund Mara found three boats on Tuesday.", "grammatical", 2 / 3),
        ("Mara found three boats in Lund on Tuesday", "grammatical", 2 / 3),
        ("Mara found three boats in Lund on Tuesday..", "grammatical", 2 / 3),
        ("Mara found three xyzzy boats in Lund on Tuesday.", "grammatical", 2 / 3),
        (PERFECT[:-1] + TAIL, "grammatical", 1),
        (PERFECT[:-1] + " and then everyone went home after the long day.", "short", 7 / 12),  # 17 words
        (PERFECT[:-1] + TAIL, "short", 0),  # 25 words
    ],
)
def test_parts_by_hand(brief, part, value):
    assert gold.parts(REPORT, brief)[part] == pytest.approx(value)


def test_scores_by_hand():
    # facts 4/6; 1 - .35/2; 1 - .75/3; 1 - .3
    assert score("Jonas found three boats in Lund on Tuesday.") == pytest.approx(0.6667, abs=1e-4)
    assert score("Mara sadly found three boats in Lund on Tuesday.") == pytest.approx(0.825)
    assert score("Mara find three boats in Lund on Tuesday.") == pytest.approx(0.75)
    assert score(PERFECT[:-1] + TAIL) == pytest.approx(0.7)
    assert gold.facts_kept([REPORT] * 3, [PERFECT, "Jonas found three boats.", ""]) == [1.0, 0.5, 0.0]


@pytest.mark.parametrize(
    "hack",
    [
        "",
        " ",
        ".",
        "Mara.",
        REPORT,
        PERFECT + " " + PERFECT,
        "Mara found three boats Lund Tuesday Mara found three boats Lund Tuesday.",
        "Lund Tuesday boats three found Mara.",
        "Somebody had things.",
        "Tuesday " * 200,
        " ".join(word for words in world.KINDS.values() for word in words),
        PERFECT[:-1] + TAIL[:-1] + TAIL[:-1] + TAIL + " Mara found",
    ],
)
def test_games_score_low(hack):
    assert score(hack) <= 0.3


@given(
    report=st.text() | st.just(REPORT),
    text=st.text() | st.lists(st.sampled_from(PERFECT.split())).map(" ".join),
)
def test_any_text_has_a_score(report, text):
    (value,) = gold.score([report], [text])
    assert 0 <= value <= 1
    assert 0 <= gold.facts_kept([report], [text])[0] <= 1
    assert all(0 <= part <= 1 for part in gold.parts(report, text).values())


def test_unequal_numbers_of_prompts_and_responses_are_refused():
    with pytest.raises(ValueError, match="zip"):
        gold.score([REPORT], [])


def test_writing_is_mediocre_with_a_wide_spread():
    scores = gold.score(*zip(*world.demonstrations(0, 3000), strict=True))
    assert 0.60 <= fmean(scores) <= 0.65
    assert fmean(value == 1 for value in scores) >= 0.10
    assert fmean(value < 0.4 for value in scores) >= 0.10

    pairs = [text.removeprefix("Report: ").split("\nBrief:") for text in world.corpus(0, 3000)]
    assert 0.5 <= fmean(gold.score(*zip(*pairs, strict=True))) <= 0.65


def items(count, candidates=2):
    rng = random.Random(9)
    made = []
    for index in range(count):
        facts = world.draw_facts(rng)
        report = world.write_report(facts, rng)
        briefs = [world.write_brief(facts, rng, world.MIXED) for _ in range(candidates)]
        made.append((f"item-{index}", report, briefs))
    return made


def test_judgement_depends_on_its_item_alone():
    all_items = items(60)
    forward = panel.judge(all_items, seed=1)
    backward = panel.judge(all_items[::-1], seed=1)
    alone = [judgement for item in all_items for judgement in panel.judge([item], seed=1)]
    assert forward == alone
    assert {(c.item, c.annotator): c for c in forward} == {(c.item, c.annotator): c for c in backward}
    assert forward != panel.judge(all_items, seed=2)


def test_judgements_keep_what_was_shown():
    given_items = {name: (prompt, briefs) for name, prompt, briefs in items(80, candidates=4)}
    judged = panel.judge([(name, *rest) for name, rest in given_items.items()], seed=0)
    for judgement in judged:
        prompt, briefs = given_items[judgement.item]
        assert judgement.prompt.text == prompt
        assert judgement.prompt.id == judgement.item
        assert [briefs[index] for index in judgement.shown_order] == list(judgement.candidates)
        assert sorted(judgement.shown_order) == [0, 1, 2, 3]
        assert judgement.seconds is not None
        assert 0.5 < judgement.seconds < 200
    shared = [name for name in given_items if sum(c.item == name for c in judged) == 3]
    assert len(judged) == 80 + 2 * len(shared)
    assert 4 <= len(shared) <= 20  # 12 expected


def test_left_clicks_left_and_random_clicks_anything():
    judged = panel.judge(items(1500), seed=0)
    left = [c.choice for c in judged if c.annotator == "left"]
    anything = [c.choice for c in judged if c.annotator == "random"]
    assert set(left) == {0}
    assert 0.4 < fmean(choice == 0 for choice in anything) < 0.6  # three standard errors of about 240 clicks
    assert {c.annotator for c in judged} == {person.name for person in panel.PANEL}
    assert len(panel.PANEL) == 8


def test_tasted_people_mostly_take_the_better_and_tie_over_equals():
    better = [(f"b{index}", REPORT, [PERFECT, "On Jonas found three sad."]) for index in range(300)]
    judged = [c for c in panel.judge(better, seed=0) if c.annotator not in ("left", "random")]
    assert all(c.choice is not None and c.candidates[c.choice] == PERFECT for c in judged)

    equal = [(f"e{index}", REPORT, [PERFECT, PERFECT]) for index in range(300)]
    judged = panel.judge(equal, seed=0)
    ties = [c.choice is None for c in judged if c.annotator not in ("left", "random")]
    assert 0.35 < fmean(ties) < 0.65
    assert not any(c.choice is None for c in judged if c.annotator in ("left", "random"))


def test_ceiling_by_hand():
    # Two equal texts: a coin. Three: one in three. A clear case: six who know, and two coins: (6 + 2/2) / 8.
    equal = panel.judge([("e", REPORT, [PERFECT, PERFECT])], seed=1)
    triple = panel.judge([("t", REPORT, [PERFECT] * 3)], seed=0)
    clear = panel.judge([("c", REPORT, [PERFECT, ""])], seed=0)
    assert panel.ceiling([c for c in equal if c.choice is not None]) == pytest.approx(1 / 2)
    assert panel.ceiling(triple) == pytest.approx(1 / 3)
    assert panel.ceiling(clear) == pytest.approx(7 / 8, abs=0.01)


def test_ceiling_is_as_people_agree_and_bounds_gold():
    judged = panel.judge(items(1500), seed=0)
    ceiling = panel.ceiling(judged)
    assert 0.72 <= ceiling <= 0.80
    right = []
    for judgement in judged:
        first, second = gold.score([judgement.prompt.text] * 2, judgement.candidates)
        if judgement.choice is not None and first != second:
            right.append((second > first) == (judgement.choice == 1))
    assert fmean(right) <= ceiling + 0.04  # gold is one taste among others; 0.04 is three standard errors


def test_one_candidate_is_refused():
    with pytest.raises(UserError, match="item i has 1 candidates"):
        panel.judge([("i", REPORT, [PERFECT])], seed=0)
