"""What somebody else does between a look and a write: the write says so, and nothing is half done."""

import pytest
from test_admin_projects import DEFAULTS

PASSWORD = "four words in a row"


@pytest.fixture
def root(world):
    return world.client(world.person("root", "admin"))


@pytest.fixture
def meanwhile(monkeypatch):
    """Just after `module.name` was called for the first time, something else happens."""

    def after(module, name, do):
        found, done = getattr(module, name), []

        def then(*given, **named):
            answer = found(*given, **named)
            if not done:
                done.append(do())
            return answer

        monkeypatch.setattr(module, name, then)

    return after


@pytest.mark.parametrize("sent", [DEFAULTS, {"name": "news", "yaml": "task: ranking"}], ids=["form", "yaml"])
def test_a_projects_name_is_taken(world, root, meanwhile, sent):
    from assent.feedback.schema.models import Guideline, Project
    from assent.feedback.views import project_form

    meanwhile(project_form, "free_name", lambda: world.project("news", title="first"))
    response = root.post("/admin/new", {**sent, "guideline": "Look."})
    assert response.status_code == 422
    assert "there is one of this name already: choose another" in response.content.decode()
    assert Project.objects.get().settings["title"] == "first"
    assert Guideline.objects.count() == 0


def invited(world, uses=2):
    from assent.feedback.people import invites

    return invites.make(invites.Offer(uses=uses), world.person("root", "admin"))


def come(world, token, name="ann"):
    return world.client().post(f"/invite/{token}", {"name": name, "password": PASSWORD})


def test_a_persons_name_is_taken(world, meanwhile):
    from assent.feedback.schema.models import Invite, Person

    token = invited(world)
    meanwhile(Person, "set_password", lambda: world.person("Ann"))  # while the hash takes its time
    response = come(world, token)
    assert response.status_code == 422
    assert "Somebody is called ann already: choose another name." in response.content.decode()
    assert sorted(Person.objects.values_list("name", flat=True)) == ["Ann", "root"]
    assert Invite.objects.get().uses_left == 2


def test_the_last_use_of_a_link_is_taken(world, meanwhile):
    from assent.feedback.people import invites
    from assent.feedback.schema.models import Invite, Person

    token = invited(world, uses=1)
    meanwhile(invites, "name_of", lambda: Invite.objects.update(uses_left=0))
    response = come(world, token)
    assert response.status_code == 404
    assert "holds no longer" in response.content.decode()
    assert list(Person.objects.values_list("name", flat=True)) == ["root"]
