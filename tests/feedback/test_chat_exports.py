"""What comes out of chats: thumbs, pairs, whole talks; what was said apart from what was only done."""

import pytest
from chat_world import KEEPS, SECRET_NAME, chat_of
from click.testing import CliRunner
from exchanging import rows_of
from feedback_world import new_uuid

from assent.cli import main
from assent.data.formats.reading import records
from assent.data.sources import comparisons, demonstrations
from assent.errors import UserError
from assent.feedback.exchange.export import reading, styled
from assent.records import Rating
from assent.tools.annotate import Wishes
from assent.tools.annotate_files import project_job, write_judgements
from assent.tools.annotate_formats import Reading, lines, rows

USER, MODEL = "user", "assistant"


@pytest.fixture
def chat(world):
    made = chat_of(world, **KEEPS)
    made.agree()
    return made


def again(chat, turn):
    """The uuid of the answer that came instead."""
    uuid = new_uuid()
    answered = chat.post("regenerate", conversation=chat.conversation, uuid=uuid, turn=turn)
    assert answered.status_code == 200
    return uuid


def kto(chat):
    with reading(chat.world.database) as connection:
        return list(styled(connection, "talk", "kto", rows()["good-bad"]))


def exported(chat, kind):
    return rows_of(chat.world, chat.project, kind)


def said(*texts):
    return [{"role": (USER, MODEL)[number % 2], "content": text} for number, text in enumerate(texts)]


def pairs(chat, kind):
    """(better, worse, where the better one stands)."""
    return [
        (row[f"candidate_{row['choice']}"], row[f"candidate_{1 - row['choice']}"], row["choice"])
        for row in exported(chat, kind)
    ]


# Thumbs


def test_the_last_thumb_of_each_answer_is_good_or_bad(chat):
    first = chat.said("Hello")
    second = chat.said("More", after=first)
    third = chat.said("Yet more", after=second)
    for turn, kind in ((first, "thumb_down"), (second, "thumb_up"), (third, "thumb_up")):
        chat.did(turn, kind)
    chat.did(first, "thumb_up")
    chat.did(third, "thumb_none")
    chat.did(second, "thumb_down")
    up, down = kto(chat)
    assert {key: up[key] for key in ("prompt", "completion", "label")} == {
        "prompt": said("Hello"),
        "completion": [{"role": MODEL, "content": "**Answer 1** to Hello"}],
        "label": True,
    }
    assert down["prompt"] == said("Hello", "**Answer 1** to Hello", "More")
    assert (down["completion"][0]["content"], down["label"]) == ("**Answer 2** to More", False)
    assert up["meta"]["policy"] == SECRET_NAME
    assert (up["meta"]["from"], up["meta"]["turn"], up["meta"]["annotator"]) == ("thumbs", first, "ann")


def test_thumbs_need_no_consent_and_what_was_only_done_does(world):
    chat = chat_of(world)
    first = chat.said("Hello")
    second = again(chat, first)
    chat.did(first, "thumb_down")
    chat.did(second, "thumb_up")
    chat.said("More", after=second)
    assert [row["label"] for row in kto(chat)] == [False, True]
    assert pairs(chat, "thumb_pairs") == [("**Answer 2** to Hello", "**Answer 1** to Hello", 1)]
    assert exported(chat, "implicit_pairs") == []


# Pairs


def test_two_thumbs_that_differ_are_a_pair(chat):
    first = chat.said("Hello")
    answers = [first]
    for kind in ("thumb_up", "thumb_down", "thumb_down"):
        chat.did(answers[-1], kind)
        answers.append(again(chat, answers[-1]))
    texts = [f"**Answer {number}** to Hello" for number in (1, 2, 3)]
    assert pairs(chat, "thumb_pairs") == [(texts[0], texts[1], 0), (texts[0], texts[2], 0)]
    [row, _] = exported(chat, "thumb_pairs")
    assert row["messages"] == said("Hello")
    assert row["meta"]["item"] == f"{answers[0]}:{answers[1]}"


def test_going_on_from_an_answer_made_again_is_an_implicit_pair(chat):
    second = again(chat, chat.said("Hello"))
    third = again(chat, second)
    assert exported(chat, "implicit_pairs") == []  # nobody has gone on from any yet
    chat.said("More", after=third)
    texts = [f"**Answer {number}** to Hello" for number in (1, 2, 3)]
    assert pairs(chat, "implicit_pairs") == [(texts[2], texts[0], 1), (texts[2], texts[1], 1)]
    assert {row["meta"]["from"] for row in exported(chat, "implicit_pairs")} == {"answers made again"}
    assert exported(chat, "thumb_pairs") == []


def test_going_back_to_the_first_is_one_as_well(chat):
    first = chat.said("Hello")
    again(chat, first)
    chat.said("More", after=first)
    assert pairs(chat, "implicit_pairs") == [("**Answer 1** to Hello", "**Answer 2** to Hello", 0)]


@pytest.mark.parametrize(
    ("old", "new", "implicit", "explicit"),
    [
        (None, None, 1, 0),
        ("thumb_down", None, 1, 0),
        (None, "thumb_up", 1, 0),
        ("thumb_up", "thumb_up", 0, 0),
        ("thumb_down", "thumb_down", 0, 0),
        ("thumb_down", "thumb_up", 0, 1),  # said on purpose
        ("thumb_up", "thumb_down", 0, 1),  # and it is the old one that they liked
        (None, "thumb_down", 0, 0),
        ("thumb_up", None, 0, 0),
    ],
)
def test_what_thumbs_say_is_never_what_was_only_done(chat, old, new, implicit, explicit):
    first = chat.said("Hello")
    second = again(chat, first)
    for turn, kind in ((first, old), (second, new)):
        if kind:
            chat.did(turn, kind)
    chat.said("More", after=second)
    assert len(exported(chat, "implicit_pairs")) == implicit
    assert len(exported(chat, "thumb_pairs")) == explicit


def test_only_what_was_done_with_consent_is_told(chat):
    first = chat.said("Hello")
    second = again(chat, first)
    chat.agree(given=False)
    third = again(chat, second)
    chat.said("More", after=third)
    assert pairs(chat, "implicit_pairs") == []  # the third was made without
    [whole] = exported(chat, "chats")
    assert whole["meta"]["again"] == [1, 0]


def test_what_was_kept_before_somebody_withdrew_stays(chat):
    second = again(chat, chat.said("Hello"))
    chat.agree(given=False)
    chat.said("More", after=second)
    assert len(exported(chat, "implicit_pairs")) == 1


# Whole chats


def test_a_chat_is_what_it_went_on_with(chat):
    first = chat.said("Hello")
    again(chat, first)
    chat.did(first, "thumb_up")
    chat.said("More", after=first)  # the first answer is another row now, and the same answer
    [row] = exported(chat, "chats")
    assert row["messages"] == said("Hello", "**Answer 1** to Hello", "More", "**Answer 3** to More")
    assert row["meta"].pop("at").endswith("Z")
    assert row["meta"] == {
        "annotator": "ann",
        "policy": SECRET_NAME,
        "conversation": chat.conversation,
        "thumbs": ["up", None],
        "again": [1, 0],
    }


def test_what_has_no_answer_yet_is_left_out(world):
    from chat_world import Policy

    chat = chat_of(world, Policy())
    first = chat.said("Hello")
    chat.policy.fails = 9
    chat.say("Nobody answers", after=first)
    [row] = exported(chat, "chats")
    assert row["messages"] == said("Hello", "**Answer 1** to Hello")
    chat.conversation = new_uuid()
    chat.say("Nor this")
    assert len(exported(chat, "chats")) == 1


# Files


def filled(chat, people=3):
    """Talks of several people, one after the other and each with all there is."""
    for number in range(people):
        chat.conversation = new_uuid()
        first = chat.said(f"你好 {number}")
        second = again(chat, first)
        third = chat.said("More", after=second)
        fourth = again(chat, third)
        chat.did(third, "thumb_up")
        chat.did(fourth, "thumb_down")


def test_the_readers_of_training_take_each(chat, tmp_path):
    filled(chat)
    found = {kind: exported(chat, kind) for kind in ("chats", "thumb_pairs", "implicit_pairs")}
    for kind, given in {**found, "kto": kto(chat)}.items():
        (tmp_path / f"{kind}.jsonl").write_text("".join(lines(given)), encoding="utf-8")
    taught = demonstrations(str(tmp_path / "chats.jsonl"))
    assert [[*map(dict, one.prompt.messages)] for one in taught] == [
        row["messages"][:-1] for row in found["chats"]
    ]
    assert [one.response for one in taught] == [row["messages"][-1]["content"] for row in found["chats"]]
    for kind in ("thumb_pairs", "implicit_pairs"):
        read = comparisons(str(tmp_path / f"{kind}.jsonl"))
        assert len(read) == 3
        assert [(one.choice, one.candidates) for one in read] == [
            (row["choice"], (row["candidate_0"], row["candidate_1"])) for row in found[kind]
        ]
    values = [(one.value, one.scale) for one in records(str(tmp_path / "kto.jsonl"), Rating)]
    assert values == [(1.0, (0.0, 1.0)), (0.0, (0.0, 1.0))] * 3
    for kind in (*found, "kto"):
        shown = CliRunner().invoke(main, ["inspect", str(tmp_path / f"{kind}.jsonl")])
        assert shown.exit_code == 0, shown.output
        assert shown.exception is None


@pytest.mark.parametrize("kind", ["kto", "thumb_pairs", "implicit_pairs", "implicit"])
def test_they_are_no_judgements_of_a_project(chat, tmp_path, kind):
    filled(chat)
    path = tmp_path / "renamed.jsonl"
    path.write_text("".join(lines(kto(chat) if kind == "kto" else exported(chat, kind))))
    with pytest.raises(UserError, match=r"renamed\.jsonl:1: this is .*what people did in chats"):
        next(Reading(str(path)))


def test_chats_of_one_project_and_in_the_order_in_which_they_began(world):
    chat = chat_of(world)
    other = world.project("other", task="chat", policies=["x"])
    first = chat.said("Hello")
    began, chat.conversation = chat.conversation, new_uuid()
    chat.said("Another")
    second, chat.conversation = chat.conversation, began
    chat.said("More", after=first)
    assert [row["meta"]["conversation"] for row in exported(chat, "chats")] == [began, second]
    assert rows_of(world, other, "chats") == []


def test_reviewers_download_them_and_each_has_its_line_on_the_page(chat):
    filled(chat, 1)
    reviewer = chat.world.client(chat.world.person("rev", "reviewer"))
    page = reviewer.get("/admin/p/talk/").content.decode()
    for kind in ("chats", "thumb_pairs", "implicit_pairs", "kto"):
        assert f"/admin/p/talk/export/{kind}" in page
        answered = [reviewer.get(f"/admin/p/talk/export/{kind}") for _ in range(2)]
        once, twice = (b"".join(one.streaming_content) for one in answered)
        assert once
        assert once == twice


def test_the_command_writes_them_beside_each_other(chat, tmp_path):
    filled(chat)
    path = tmp_path / "feedback.yaml"  # whose database is the world's
    path.write_text(f"name: talk\ntask: chat\npolicies: [{SECRET_NAME}]\nout: talk.jsonl\n")
    told = write_judgements(project_job(path, Wishes()))
    written = {f"talk.{kind}.jsonl" for kind in ("thumb_pairs", "implicit_pairs", "chats", "kto")}
    assert {found.name for found in tmp_path.glob("talk*.jsonl")} == {"talk.jsonl"} | written
    assert f"{tmp_path}/talk.kto.jsonl: 6 kto" in told
    assert f"{tmp_path}/talk.chats.jsonl: 3 chats" in told
