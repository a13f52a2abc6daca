"""People who are not there: scripts that score answers, in a thread or at once."""

import json
import threading
import time
from collections import Counter

from assent.rewards.human import Around, Human, HumanReward
from assent.rewards.human_inbox import Inbox

PROMPTS, ANSWERS = ["a?", "b?", "a?"], ["one", "four five", "one"]  # the third is the first again


def vowels(prompt, response):
    return 1.0 + min(4, sum(letter in "aeiou" for letter in response))


SCORES = [3.0, 5.0, 3.0]  # o, e: 2 vowels; o, u, i, e: 4 vowels; and 1


def reward_in(folder, said=None, stop=lambda: False, stand_in=None, person=None, **settings):
    said = [] if said is None else said
    around = Around(folder / "human", said.append, lambda *_: None, stop)
    chosen = Human(**{"deadline_seconds": 20.0, **settings})
    return HumanReward(chosen, "people", around, stand_in, person)


class Person(threading.Thread):
    """Answers what is asked in a folder until told to leave; remembers the ids that were asked."""

    def __init__(self, folder, score=vowels, most=10**9):
        super().__init__(daemon=True)
        self.inbox, self.score, self.most = Inbox(folder / "human"), score, most
        self.seen, self.leaving = Counter(), threading.Event()

    def run(self):
        while not self.leaving.is_set():
            for question in self.inbox.open():
                self.one(question)
            time.sleep(0.01)

    def one(self, question):
        if question["id"] in self.seen or self.seen.total() >= self.most:
            return
        self.seen[question["id"]] += 1
        self.inbox.answer(question["id"], self.score(question["prompt"], question["response"]), "kim")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.leaving.set()
        self.join()


def journalled(folder):
    return [json.loads(line) for line in (folder / "human" / "journal.jsonl").read_text().splitlines()]
