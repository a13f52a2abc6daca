"""Who may have what people said, as files; and in which forms of other programs."""

import json

import pytest
from exchanging import given, pair, rows_of


def download(world, project, kind, role="reviewer"):
    return world.client(world.person(f"{role}-{kind}", role)).get(f"/admin/p/{project.name}/export/{kind}")


def lines_of(response):
    return [json.loads(line) for line in b"".join(response.streaming_content).decode().split("\n")[:-1]]


@pytest.mark.parametrize(("role", "status"), [("annotator", 403), ("reviewer", 200), ("admin", 200)])
def test_reviewers_and_admins_may_have_them(world, role, status):
    assert download(world, world.project(), "judgements", role).status_code == status


def test_others_are_sent_to_the_login(world):
    world.project()
    response = world.client().get("/admin/p/pairs/export/judgements")
    assert (response.status_code, response["Location"].partition("?")[0]) == (302, "/login")
    admin = world.client(world.person("eve", "admin"))
    assert admin.post("/admin/p/pairs/export/judgements").status_code == 405


def test_what_does_not_exist_is_not_there(world):
    world.project()
    admin = world.client(world.person("eve", "admin"))
    for path in ("pairs/export/edits", "pairs/export/secret", "none/export/judgements"):
        assert admin.get(f"/admin/p/{path}").status_code == 404


def test_a_download_is_the_export(world, tmp_path):
    project = world.project()
    given(project, tmp_path, *(pair(f"条目-{number}", comment="=1+1") for number in range(450)))
    response = download(world, project, "judgements")
    assert response["Content-Disposition"] == 'attachment; filename="pairs.judgements.jsonl"'
    assert response["Content-Type"] == "application/jsonl; charset=utf-8"
    assert lines_of(response) == rows_of(world, project)


def test_other_programs_have_their_forms(world, tmp_path):
    project = world.project()
    given(project, tmp_path, pair("x", 1), pair("y", None), pair("z", "both_bad"))
    [trl] = lines_of(download(world, project, "trl"))
    assert {key: trl[key] for key in ("prompt", "chosen", "rejected")} == {
        "prompt": "What is x?",
        "chosen": "x two",
        "rejected": "x one",
    }
    [hh] = lines_of(download(world, project, "hh"))
    assert hh["chosen"] == "\n\nHuman: What is x?\n\nAssistant: x two"
    good_or_bad = [
        (row["prompt"], row["completion"], row["label"]) for row in lines_of(download(world, project, "kto"))
    ]
    assert good_or_bad == [("What is x?", "x one", False), ("What is x?", "x two", True)]


def test_rankings_and_answers_have_theirs(world, tmp_path):
    ranked, written = world.project("ranked", task="ranking"), world.project("written", task="demonstration")
    three = {"input_text": "q", "candidate_0": "a", "candidate_1": "b", "candidate_2": "c"}
    given(ranked, tmp_path, three | {"ranking": [2, 0, 1]}, three | {"ranking": [2, [0, 1]]})
    given(written, tmp_path, {"input_text": "q", "output_text": "a", "author": "ann"})
    strict, tied = lines_of(download(world, ranked, "k-way"))
    assert (strict["responses"], strict["ranking"]) == (["a", "b", "c"], [2, 0, 1])
    assert sorted(tied["votes"]) == [[0, 1, None], [2, 0, 2], [2, 1, 2]]
    [trl] = lines_of(download(world, written, "trl"))
    assert (trl["prompt"], trl["completion"]) == ("q", "a")


def test_a_form_that_cannot_hold_a_judgement_gives_no_half_file(world, tmp_path):
    project = world.project()
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    row = pair("y")
    del row["input_text"]
    given(project, tmp_path, pair("x"), row | {"messages": chat})
    response = download(world, project, "hh")
    assert response.status_code == 422
    assert "a message by system" in response.content.decode()
    assert len(lines_of(download(world, project, "trl"))) == 2
