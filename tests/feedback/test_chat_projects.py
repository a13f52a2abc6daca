"""A project of talks needs models that the app was started with, and says so before it is made."""

import pytest
from browser_forms import sent_by
from feedback_world import services
from test_admin_projects import DEFAULTS, made, text_of


@pytest.fixture
def root(world):
    return world.client(world.person("root", "admin"))


@pytest.fixture
def served(world):
    """The app of this world was started with a model to talk to."""
    from django.conf import settings

    settings.SERVICES = services(talk={"house": lambda messages, seed: "Yes."})


def test_a_chat_without_models_is_not_made(world, root):
    """Nobody could talk in it, and nothing on these pages could mend that."""
    from assent.feedback.schema.models import Project

    shown = text_of(root.get("/admin/new"))
    assert "assent annotate talk.yaml" in shown
    assert "policies: [runs/recipe:tuned]" in shown
    refused = root.post("/admin/new", {**DEFAULTS, "task": "chat"})
    pasted = root.post("/admin/new", {"name": "news", "yaml": "task: chat\npolicies: [house]"})
    for response in (refused, pasted):
        assert response.status_code == 422
        assert "this app was started without models" in text_of(response)
    assert not Project.objects.exists()


def test_no_project_becomes_a_chat_without_models(world, root):
    world.project("news")
    form = sent_by(root.get("/admin/p/news/settings"), "overlap")
    refused = root.post("/admin/p/news/settings", {**form, "task": "chat"})
    assert refused.status_code == 422
    assert "this app was started without models" in text_of(refused)
    assert made().task == "pairwise"


@pytest.mark.usefixtures("served")
def test_a_chat_is_made_with_models_that_are_served(world, root):
    refused = root.post("/admin/new", {**DEFAULTS, "task": "chat"})
    assert "Choose a model at least" in text_of(refused)
    pasted = root.post("/admin/new", {"name": "news", "yaml": "task: chat\npolicies: [house, barn]"})
    assert "started without these models: barn." in text_of(pasted)
    assert root.post("/admin/new", {**DEFAULTS, "task": "chat", "policies": "house"}).status_code == 302
    assert made().policies == ("house",)
