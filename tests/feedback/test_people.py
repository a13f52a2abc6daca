"""Roles, who may come in, whose projects; and that somebody can always change things."""

import pytest
from browser_forms import sent_by


@pytest.fixture
def root(world):
    return world.person("root", "admin")


def told(what):
    from assent.feedback.schema.models import Audit

    return [(one.who, one.detail) for one in Audit.objects.filter(what=what)]


def test_a_role_is_changed_and_told(world, root):
    ann = world.person("ann")
    response = world.client(root).post(f"/admin/people/{ann.pk}", {"do": "role", "role": "reviewer"})
    assert response["Location"] == f"/admin/people/{ann.pk}"
    ann.refresh_from_db()
    assert ann.role == "reviewer"
    assert told("role changed") == [("root", {"person": "ann", "from": "annotator", "to": "reviewer"})]


@pytest.mark.parametrize("change", [{"do": "role", "role": "annotator"}, {"do": "deactivate"}])
def test_the_last_admin_stays(world, root, change):
    response = world.client(root).post(f"/admin/people/{root.pk}", change)
    assert response.status_code == 422
    assert "is the only admin" in response.content.decode()
    root.refresh_from_db()
    assert (root.role, root.is_active) == ("admin", True)
    second = world.person("second", "admin")
    assert world.client(second).post(f"/admin/people/{root.pk}", change).status_code == 302


@pytest.mark.parametrize("change", [{"do": "role", "role": "annotator"}, {"do": "deactivate"}])
def test_links_of_whoever_loses_power_end(world, root, change):
    from assent.feedback.people import invites

    second = world.person("second", "admin")
    token = invites.make(invites.Offer("admin"), second)
    world.client(root).post(f"/admin/people/{second.pk}", change)
    assert invites.find(token) is None


@pytest.mark.parametrize(
    "change", [{}, {"do": "delete"}, {"do": "role", "role": "root"}, {"do": "role"}, {"do": "is_superuser"}]
)
def test_nothing_else_can_be_asked(world, root, change):
    ann = world.person("ann")
    assert world.client(root).post(f"/admin/people/{ann.pk}", change).status_code == 404


def test_the_printed_link_ends_when_somebody_is_made_an_admin(world, root):
    from assent.feedback.people import admin_link, changes, invites
    from assent.feedback.schema.models import Role

    token = admin_link.make("http://localhost", again=True).rpartition("/")[2]
    ann = world.person("ann")
    changes.set_role(ann, Role.REVIEWER, root)
    assert invites.find(token) is not None
    changes.set_role(ann, Role.ADMIN, root)
    assert invites.find(token) is None


def test_projects_are_those_that_are_ticked(world, root):
    from assent.feedback.people.access import is_member

    one, two, three = (world.project(name) for name in ("one", "two", "three"))
    ann = world.person("ann", "annotator", one, two)
    client, address = world.client(root), f"/admin/people/{ann.pk}"
    form = sent_by(client.get(address), "projects")
    assert client.post(address, form | {"projects": ["two", "three"]})["Location"] == address
    assert [is_member(ann, project) for project in (one, two, three)] == [False, True, True]
    expected = {"person": "ann", "added": ["three"], "removed": ["one"]}
    assert told("projects of a person changed") == [("root", expected)]


def test_projects_that_came_or_went_meanwhile_stay_so(world, root):
    """Only the boxes that somebody has changed say something: two admins, and a link that was followed."""
    from assent.feedback.people.access import is_member

    names = ("kept", "left", "taken", "given", "joined")
    projects = {name: world.project(name) for name in names}
    ann = world.person("ann", "annotator", projects["kept"], projects["left"], projects["taken"])
    address = f"/admin/people/{ann.pk}"
    client, eve = world.client(root), world.client(world.person("eve", "admin"))
    form, other = (sent_by(one.get(address), "projects") for one in (client, eve))
    client.post(address, form | {"projects": ["kept", "left", "given"]})
    world.project("new")
    eve.post(address, other | {"projects": ["kept", "taken", "joined"]})
    found = {name for name, project in projects.items() if is_member(ann, project)}
    assert found == {"kept", "given", "joined"}
    assert [(who, one["added"], one["removed"]) for who, one in told("projects of a person changed")] == [
        ("root", ["given"], ["taken"]),
        ("eve", ["joined"], ["left"]),
    ]


def test_a_member_no_more_gets_404(world, root):
    client = world.client(ann := world.person("ann", "annotator", world.project()))
    assert client.get("/p/pairs/").status_code == 200
    admin, address = world.client(root), f"/admin/people/{ann.pk}"
    form = sent_by(admin.get(address), "projects")
    del form["projects"]  # nothing is ticked any more
    admin.post(address, form)
    assert client.get("/p/pairs/").status_code == 404


def test_what_a_deactivated_person_did_stays(world, root):
    from assent.feedback.schema.models import Shown

    project = world.project()
    ann = world.person("ann", "annotator", project)
    (item,) = world.items(project, 1)
    Shown.objects.create(project=project, item=item, person=ann, order=[0, 1])
    client = world.client(ann)
    world.client(root).post(f"/admin/people/{ann.pk}", {"do": "deactivate"})
    assert client.get("/p/pairs/")["Location"].startswith("/login")
    assert Shown.objects.count() == 1
    assert "Inactive" in world.client(root).get("/admin/people").content.decode()
    world.client(root).post(f"/admin/people/{ann.pk}", {"do": "reactivate"})
    ann.refresh_from_db()
    assert ann.is_active
    assert [what for what in ("person deactivated", "person reactivated") if told(what)] == [
        "person deactivated",
        "person reactivated",
    ]


def test_changing_nothing_says_nothing(world, root):
    from assent.feedback.people import changes
    from assent.feedback.schema.models import Audit, Role

    ann = world.person("ann", "annotator", project := world.project())
    changes.set_role(ann, Role.ANNOTATOR, root)
    changes.set_active(ann, True, root)
    changes.set_projects(ann, [project], [], root)
    changes.set_projects(ann, [], [world.project("another")], root)
    assert Audit.objects.count() == 0
