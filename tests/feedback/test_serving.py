"""What `assent annotate` says at its start, and what it does while people judge."""

import signal
import socket
import threading
import time

import pytest
from annotating import annotating
from people_world import answers, prefers
from stage_world import rows
from test_chat import folder_of
from test_command import pairs

from assent.errors import UserError
from assent.models.conversation import Talker
from assent.tools import annotate_serving
from assent.tools.annotate import Wishes, app_services
from assent.tools.annotate_files import file_job
from assent.tools.annotate_serving import Saying, _exporting, _watching, how_far
from assent.tools.annotate_talk import talks

SHORT = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"  # of a chat: the tiny model reads 64 tokens


def test_a_later_start_says_how_others_come_in_and_by_which_addresses(tmp_path):
    pairs(tmp_path)
    (tmp_path / "tea.yaml").write_text("items: candidates.jsonl\n")
    with annotating(tmp_path, "tea.yaml") as app:
        app.visitor("ann")
        assert app.end(signal.SIGHUP) == 0  # its terminal was closed
        assert any(line.startswith("judgements stay in ") for line in app.said)
    with annotating(tmp_path, "tea.yaml", "--host", "0.0.0.0", "--quiet") as app:
        assert app.admin_link is None
        assert "Invite others from the project's page there.\n" in app.said
        assert any(line.startswith("  or http://127.0.0.1:") for line in app.said)
        passing = ("judgements stay in", "database:", "Then:")
        assert not any(line.startswith(passing) for line in app.said)
        assert app.end() == 0
    assert [line for line in app.said if line][-1] == "tea: 0 of 2 comparisons answered\n"


def test_a_second_signal_ends_at_once_whatever_is_in_flight(tmp_path):
    pairs(tmp_path)
    (tmp_path / "tea.yaml").write_text("items: candidates.jsonl\n")
    with annotating(tmp_path, "tea.yaml") as app:
        host, port = app.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as half:
            half.sendall(
                b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
            )
            assert half.recv(100).startswith(b"HTTP/1.1 100 Continue")  # now it waits for nine bytes
            app.process.send_signal(signal.SIGINT)
            _until_nobody_listens(host, int(port))
            assert app.end(signal.SIGTERM) == 128 + signal.SIGTERM


def _until_nobody_listens(host, port):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            socket.create_connection((host, port)).close()
        except ConnectionResetError:  # it was let in, and shut out in the same moment
            pass
        except ConnectionRefusedError:
            return
        time.sleep(0.01)
    raise AssertionError("it still listens")


def test_files_are_written_once_each_time_all_is_judged(world, tmp_path):
    """`world` is the database beside `feedback.jsonl`."""
    from assent.feedback.opening import open_project
    from assent.feedback.schema.models import Project

    job = file_job(str(pairs(tmp_path)), Wishes(tmp_path / "feedback.jsonl"))
    open_project(job.wanted[0], app_services().read)
    project, said = Project.objects.get(), []
    ann = world.person("ann", "annotator", project)
    look = _exporting(job, Saying(said.append))
    answers(ann, project, prefers("one"))
    look()
    assert said == []
    answers(ann, project, prefers("two"))
    look()
    look()
    assert said == ["all is judged", f"{tmp_path}/feedback.jsonl: 2 judgements"]
    assert [row["choice"] for row in rows(tmp_path / "feedback.jsonl")] == [0, 1]


def test_what_people_skipped_is_told_of_as_long_as_it_is_missing(world, tmp_path):
    """Who works alone would wait for it for ever, and not know why."""
    from assent.feedback.opening import open_project
    from assent.feedback.schema.models import Project
    from assent.feedback.store.claims import claim
    from assent.feedback.store.judging import skip

    job = file_job(str(pairs(tmp_path)), Wishes(tmp_path / "feedback.jsonl"))
    open_project(job.wanted[0], app_services().read)
    project = Project.objects.get()
    ann, bob = (world.person(name, "annotator", project) for name in ("ann", "bob"))
    skip(ann, claim(ann, project).pk, "I cannot tell")
    answers(ann, project, prefers("one"))
    told = "candidates: 1 of 2 comparisons answered; skipped, and left to others: 1"
    assert how_far(job) == [told]
    answers(bob, project, prefers("one"))
    assert how_far(job) == ["candidates: 2 of 2 comparisons answered"]


@pytest.mark.parametrize(
    "error", [UserError("judgements.jsonl: no room left"), RuntimeError("nobody thought of this")]
)
def test_a_look_that_fails_is_told_once_and_taken_again(monkeypatch, caplog, error):
    monkeypatch.setattr(annotate_serving, "LOOK_SECONDS", 0.001)
    said, looks, others = [], [], threading.Event()

    def broken():
        looks.append(1)
        raise error

    def other():
        if len(looks) > 2:
            others.set()

    with _watching([broken, other], Saying(said.append, quiet=True)):
        assert others.wait(60)
    logged = [str(record.exc_info[1]) for record in caplog.records if record.exc_info]
    assert said + logged == [f"assent: {error}" if isinstance(error, UserError) else str(error)]


def test_a_look_that_fails_again_later_is_told_again(monkeypatch):
    monkeypatch.setattr(annotate_serving, "LOOK_SECONDS", 0.001)
    said, looks, enough = [], [], threading.Event()

    def look():
        looks.append(1)
        if len(looks) > 3:
            enough.set()
        elif len(looks) != 2:
            raise UserError("busy")

    with _watching([look], Saying(said.append)):
        assert enough.wait(60)
    assert said == ["assent: busy"] * 2


@pytest.mark.parametrize(("template", "heard"), [(None, [1, 1]), (SHORT, [3, 1])], ids=["single", "chats"])
def test_a_model_is_loaded_once_and_hears_what_it_was_taught_to_read(
    bpe, tmp_path, monkeypatch, template, heard
):
    """Taught single prompts, it hears the last message alone; taught chats, all of them."""
    bpe.chat_template = template
    source, said, prompts, answer = folder_of(tmp_path / "m", "gpt2", bpe), [], [], Talker.answer

    def listening(self, prompt, generator):
        prompts.append(prompt)
        return answer(self, prompt, generator)

    monkeypatch.setattr(Talker, "answer", listening)
    talk = talks([str(source)], said.append)[str(source)]
    one = {"role": "user", "content": "one"}
    before = [{"role": "user", "content": "two"}, {"role": "assistant", "content": "three"}]
    first, second, again = talk([*before, one], 7), talk([one], 7), talk([one], 7)
    assert (type(first), second) == (str, again)
    assert [len(prompt.messages) or 1 for prompt in prompts] == [*heard, 1]
    assert [prompt.text for prompt in prompts] == ["one"] * 3
    assert [line for line in said if "loading" in line] == [f"loading {source}"]
