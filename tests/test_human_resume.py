"""What people said survives kills, a second process and a damaged file; nobody is asked twice."""

import signal
import subprocess
import sys
import time

from live_person import ANSWERS, PROMPTS, SCORES, Person, journalled, reward_in, vowels
from stage_world import made, sha256
from tiny_models import tiny

from assent.errors import Waiting
from assent.models.load import save
from assent.rewards.human_inbox import Inbox, Journal

ASKING = """
import sys
from pathlib import Path
from assent.rewards.human import Around, Human, HumanReward
folder = Path(sys.argv[1])
around = Around(folder / "human", lambda text: None, lambda *_: None, lambda: False)
reward = HumanReward(Human(deadline_seconds=60), "people", around)
print(reward(["a?", "b?", "a?"], ["one", "four five", "one"]))
"""


def asking(folder):
    command = [sys.executable, "-c", ASKING, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_killed_while_it_waits_nobody_is_asked_again(tmp_path):
    inbox = Inbox(tmp_path / "human")
    with asking(tmp_path) as process:
        until(lambda: len(inbox.open()) == 3)
        first = inbox.open()[0]
        inbox.answer(first["id"], 2)
        until(lambda: len(inbox.open()) == 2)
        process.send_signal(signal.SIGKILL)
    with Person(tmp_path) as person:
        scores = reward_in(tmp_path)(PROMPTS, ANSWERS)
    assert first["id"] not in person.seen
    assert len(person.seen) == 2
    assert scores.count(2.0) == 1
    assert len({row["id"] for row in journalled(tmp_path)}) == len(journalled(tmp_path)) == 3


def test_two_processes_ask_the_same_person(tmp_path):
    with asking(tmp_path) as one, asking(tmp_path) as other:
        until(lambda: len(Inbox(tmp_path / "human").open()) == 3)
        with Person(tmp_path) as person:
            told = [process.communicate(timeout=60)[0] for process in (one, other)]
    assert told == [f"{SCORES}\n"] * 2
    assert len(person.seen) == 3
    assert len(journalled(tmp_path)) == 3


def test_a_torn_or_damaged_journal_asks_again_and_says_so(tmp_path):
    with Person(tmp_path):
        reward_in(tmp_path)(PROMPTS, ANSWERS)
    path = tmp_path / "human" / "journal.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(lines[0] + lines[1].replace('"score": ', '"score": 1') + lines[2][:40])
    said = []
    with Person(tmp_path) as person:
        assert reward_in(tmp_path, said)(PROMPTS, ANSWERS) == SCORES
    assert len(person.seen) == 2
    assert [line.split(": ")[1] for line in said[:1]] == [
        "damaged (its checksum is another); it is asked for again"
    ]
    assert "journal.jsonl:2" in said[0]
    kept = Journal(path, said.append)
    kept.refresh()
    assert len(kept.rows) == 3


def test_a_policy_learns_from_people_and_goes_on_after_each_wait(bpe, tmp_path):
    """Told all at once or a few a day, the people make the same weights."""
    save(*tiny("gpt2", bpe), tmp_path / "base", kind="policy")
    (tmp_path / "prompts.jsonl").write_text("".join(f'{{"input_text": "day {n}"}}\n' for n in range(8)))
    settings = {
        "model": str(tmp_path / "base"),
        "prompts": str(tmp_path / "prompts.jsonl"),
        "steps": 3,
        "batch": 4,
        "minibatch": 4,
        "epochs": 1,
        "learning_rate": 0.01,
        "sampling": {"max_new_tokens": 4},
    }

    def tuned(folder, deadline):
        made("policy", folder, **settings, rewards=[{"human": {"deadline_seconds": deadline}}])
        return sha256(folder / "model" / "model.safetensors")

    whole = tmp_path / "whole"
    whole.mkdir()
    with Person(whole):
        expected = tuned(whole, 60)
    pieces, asked = tmp_path / "pieces", 0
    while True:
        try:
            assert tuned(pieces, 0) == expected
            break
        except Waiting:
            inbox = Inbox(pieces / "human")
            for question in inbox.open()[:3]:
                inbox.answer(question["id"], vowels(question["prompt"], question["response"]))
                asked += 1
    assert asked == len(journalled(pieces)) == len(journalled(whole))
