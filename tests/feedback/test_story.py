"""The whole story: a recipe's answers, two people who judge them in a browser, and what came of it."""

import json

import pytest
from annotating import PASSWORD, annotating
from browser import accessible, page_of, picture
from playwright.sync_api import expect
from stage_world import artifact, ran, rows, states
from test_click_to_token import COLOURS, THINGS, how_likely

from assent.errors import Waiting

RECIPE = """
seed: 1
base:
  stage: pretrain
  data: corpus.txt
  model: {family: gpt2, width: 32, depth: 1, heads: 2, context: 64, vocabulary: 400}
  pack: false
  steps: 30
  batch: 16
  learning_rate: 0.01
answers:  {stage: sample, model: $base, prompts: prompts.jsonl, sampling: {max_new_tokens: 4}}
feedback:
  stage: annotate
  candidates: $answers
  want: 24
  project: {title: "Which colour?", guideline: guideline.md, shared: {share: 0}}
judge:    {stage: reward, model: $base, preferences: $feedback, steps: 20, batch: 8, learning_rate: 0.003}
tuned:
  stage: policy
  model: $base
  prompts: prompts.jsonl
  rewards: [{model: $judge}]
  steps: 8
  batch: 24
  minibatch: 24
  learning_rate: 0.003
  sampling: {max_new_tokens: 4}
more:     {stage: sample, model: $tuned, prompts: prompts.jsonl, sampling: {max_new_tokens: 4}}
again:    {stage: annotate, candidates: $more, want: 24}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = [f"{word} {thing} is {colour}" for word in ("The", "A") for thing in THINGS for colour in COLOURS]
    (tmp_path / "corpus.txt").write_text("\n<|endoftext|>\n".join(said))
    asked = [{"input_text": f"{word} {thing} is"} for word in ("The", "A") for thing in THINGS]
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    (tmp_path / "guideline.md").write_text("Choose the answer that is **red**.")
    return tmp_path


def came_in(browser, address, link, name):
    """Follow a link, choose a name and a password."""
    page = page_of(browser, address)
    page.goto(link)
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("main form button.primary")
    page.wait_for_url(lambda url: "/invite/" not in url)  # to go on at once would be to leave before
    return page


def invited(admin):
    """The admin makes a link for two annotators, and copies it."""
    admin.goto("/admin/p/feedback/")
    expect(admin.locator("h1")).to_contain_text("Which colour?")
    expect(admin.locator(".progress-card")).to_contain_text("0 of 24 items are complete")
    picture(admin, "story-project")
    admin.get_by_role("link", name="Invite people").click()
    admin.fill("input[name=uses]", "2")
    admin.click("text=Make a link")
    return admin.input_value("#link")


def judge(page, count):
    """Read both answers, and press a key: whichever is red wins; where both are alike it is a tie."""
    for _ in range(count):
        item = page.locator("#stage:not([data-fresh]) article.item")
        shown = item.get_attribute("data-shown")
        red = ["red" in text for text in item.locator(".answer .text").all_inner_texts()]
        page.keyboard.press("1" if red == [True, False] else "2" if red == [False, True] else "0")
        page.wait_for_selector(f"article.item[data-shown='{shown}']", state="detached")


def test_what_two_people_click_changes_what_the_model_says(folder, chromium_browser):
    out = folder / "runs" / "recipe"
    assert ran(folder, RECIPE, out) == Waiting.exit_code
    with annotating(folder, "recipe.yaml", "--then-run") as app:
        admin = came_in(chromium_browser, app.address, app.admin_link, "ada")
        link = invited(admin)
        ann = came_in(chromium_browser, app.address, link, "ann")
        ann.wait_for_url("**/p/feedback/")
        ann.wait_for_selector("article.item")
        picture(ann, "story-work")
        judge(ann, 9)
        bob = came_in(chromium_browser, app.address, link, "bob")
        bob.wait_for_selector("article.item")
        accessible(bob)
        judge(bob, 14)
        judge(ann, 1)
        expect(ann.locator("main")).to_contain_text("Nothing is left for you here")
        admin.reload()
        app.until("24 comparisons of feedback are answered, so the run goes on: assent run recipe.yaml")
        app.until("the run waits for people again")
        admin.goto("/admin/p/again/")
        expect(admin.locator(".progress-card")).to_contain_text("0 of 24 items are complete")
        assert [ann.faults, bob.faults, admin.faults] == [[], [], []]
        for page in (admin, ann, bob):
            page.context.close()
        assert app.end() == 0
    assert {name: state["status"] for name, state in states(out).items() if name != "again"} == dict.fromkeys(
        ("base", "answers", "feedback", "judge", "tuned", "more"), "done"
    )
    judged = rows(artifact(out, "feedback") / "judgements.jsonl")
    assert len(judged) == 24
    assert {row["meta"]["annotator"] for row in judged} == {"ann", "bob"}
    for row in judged:
        red = ["red" in row["candidate_0"], "red" in row["candidate_1"]]
        assert row["choice"] == (None if red[0] == red[1] else red.index(True))
    before, after = (how_likely(artifact(out, name) / "model", THINGS[0]) for name in ("base", "tuned"))
    assert after["red"] > before["red"] + 0.1
    assert after["red"] - after["blue"] > before["red"] - before["blue"] + 1
