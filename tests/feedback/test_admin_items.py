"""Items come in by a file: all of it or nothing, and nothing of its name is believed."""

import json
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile


@pytest.fixture
def root(world):
    world.project("news")
    return world.client(world.person("root", "admin"))


def rows(*pairs):
    return "".join(
        json.dumps(
            {"id": name, "input_text": f"Prompt {name}", "candidate_0": "a", "candidate_1": "b", **more}
        )
        + "\n"
        for name, more in pairs
    )


def sent(client, content, part="real", name="pairs.jsonl"):
    file = SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)
    return client.post("/admin/p/news/items", {"file": file, "part": part})


def text_of(response):
    return response.content.decode()


def test_a_file_becomes_items(world, root):
    from assent.feedback.schema.models import Audit, Item

    response = sent(root, rows(("one", {}), ("two", {})))
    assert response.status_code == 200
    assert "<strong>2</strong> items are new." in text_of(response)
    assert sorted(Item.objects.values_list("name", "part")) == [("one", "real"), ("two", "real")]
    told = Audit.objects.get(what="items imported")
    assert told.who == "root"
    expected = {
        "project": "news",
        "file": "pairs.jsonl",
        "part": "real",
        "items": 2,
        "judgements": 0,
        "same": 0,
    }
    assert told.detail == expected


def test_the_same_file_twice_adds_nothing(world, root):
    from assent.feedback.schema.models import Item

    sent(root, rows(("one", {})))
    assert "1 row was there already." in text_of(sent(root, rows(("one", {}))))
    assert Item.objects.count() == 1


@pytest.mark.parametrize("part", ["gold", "practice", "test"])
def test_rows_with_a_right_answer(world, root, part):
    from assent.feedback.schema.models import Item, Slot

    assert sent(root, rows(("one", {"choice": 1})), part).status_code == 200
    item = Item.objects.get()
    assert (item.part, item.expected) == (part, {"choice": 1})
    assert Slot.objects.count() == 0


def test_a_bad_line_is_named_and_nothing_is_taken(world, root):
    from assent.feedback.schema.models import Audit, Item

    content = rows(*((str(number), {}) for number in range(5000))) + '{"input_text": 3}\n'
    response = sent(root, content)
    assert response.status_code == 422
    assert "Nothing of this file was taken" in text_of(response)
    assert "pairs.jsonl:5001: input_text: expected text, found 3" in text_of(response)
    assert Item.objects.count() == 0
    assert not Audit.objects.filter(what="items imported").exists()


def test_what_contradicts_the_store_late_in_a_file_takes_all_of_it_back(world, root):
    """The importer writes some thousands at a time; the page takes all of them back."""
    from assent.feedback.schema.models import Item

    sent(root, rows(("same", {})))
    others = tuple((str(number), {}) for number in range(5000))
    response = sent(root, rows(*others, ("same", {"candidate_1": "another"})))
    assert response.status_code == 422
    assert "same" in text_of(response)
    assert Item.objects.count() == 1


@pytest.mark.parametrize(
    "name",
    [
        "../../../etc/cron.d/x.jsonl",
        "..\\..\\x.jsonl",
        "/abs/x.jsonl",
        "x.sh;rm -rf.jsonl",
        "<b>.jsonl",
        ".jsonl",
    ],
)
def test_nothing_of_a_name_is_believed_but_its_end(world, root, name, monkeypatch):
    from django.conf import settings
    from feedback_world import services

    seen = []
    honest = services().read

    def read(path):
        seen.append(Path(path))
        yield from honest(path)

    monkeypatch.setattr(settings, "SERVICES", services(read=read))
    file = SimpleUploadedFile("x", rows(("one", {})).encode())
    file._name = name  # past Django's own cleaning
    response = root.post("/admin/p/news/items", {"file": file, "part": "real"})
    assert "<b>" not in text_of(response)
    for path in seen:
        assert path.name in ("upload.jsonl", "upload")
        assert path.parent.name.startswith("assent-upload-")
        assert not path.exists()  # gone when the answer is there


@pytest.mark.parametrize("name", ["items.exe", "items.jsonl.gz", "items.zip", "items", "items.yaml"])
def test_other_kinds_of_files_are_refused(world, root, name):
    response = sent(root, rows(("one", {})), name=name)
    assert response.status_code == 422


def test_a_file_that_is_too_large_is_refused(world, root, monkeypatch):
    from assent.feedback.schema.models import Item
    from assent.feedback.views import admin_items

    monkeypatch.setattr(admin_items, "LARGEST_BYTES", 2**20)
    response = sent(root, rows(("one", {"note": "a" * 2**20})))
    assert response.status_code == 422
    assert "More than 1 MiB: divide the file" in text_of(response)
    assert Item.objects.count() == 0


def test_no_file(world, root):
    response = root.post("/admin/p/news/items", {"part": "real"})
    assert response.status_code == 422
    assert "This field is required" in text_of(response)


def test_a_part_that_there_is_not(world, root):
    assert sent(root, rows(("one", {})), part="secret").status_code == 422


def test_gold_without_a_place_among_the_others_is_told(world, root):
    sent(root, rows(("one", {"choice": 0})), "gold")
    assert "one of how many items is gold" in text_of(root.get("/admin/p/news/items"))


def test_an_empty_file_is_told(world, root):
    response = sent(root, "")
    assert response.status_code == 422


def test_a_connection_that_has_used_temporary_storage_takes_items(root):
    """SQLite lets nobody move that storage inside a transaction, and an upload is one."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE notes (text)")
    assert sent(root, rows(("one", {}))).status_code == 200
