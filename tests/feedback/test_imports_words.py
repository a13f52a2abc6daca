"""Judgements without numbers: what somebody says again after something else is their last word."""

import pytest
from exchanging import alone, given, pair, rows_of, stored

FIRST = "0f0f0f0f-0000-4000-8000-000000000001"


@pytest.fixture
def project(world):
    return world.project(**alone())


def says(*choices, annotator="ann", **more):
    return [pair("x", choice, annotator, **more) for choice in choices]


def last(world, project):
    return [row["choice"] for row in rows_of(world, project)]


@pytest.mark.parametrize("together", [1, 2, 1000])
@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ((0, 1, 0), 3),
        ((0, 1, 1), 2),
        ((0, 0, 1), 2),
        ((0, 1, 0, 0, 1, 0), 5),
        ((1, 0, 1, 0), 4),
    ],
)
def test_whoever_comes_back_to_what_they_said_has_said_it_last(
    world, project, tmp_path, choices, words, together
):
    """And the same file again adds nothing."""
    done = given(project, tmp_path, *says(*choices), together=together)
    assert (done.judgements, done.same) == (words, len(choices) - words)
    assert last(world, project) == [choices[-1]]
    before = stored()
    again = given(project, tmp_path, *says(*choices), together=together)
    assert (again.judgements, again.same) == (0, len(choices))
    assert stored() == before


def test_others_words_in_between_are_theirs(world, project, tmp_path):
    rows = [*says(0), *says(1, annotator="bob"), *says(1), *says(1, annotator="bob"), *says(0)]
    assert given(project, tmp_path, *rows).judgements == 4
    assert last(world, project) == [1, 0]  # bob's one word, and then ann's third


def test_a_file_that_has_grown_adds_what_is_new_at_its_end(world, project, tmp_path):
    for count, new in ((1, 1), (3, 2), (4, 1), (4, 0)):
        assert given(project, tmp_path, *says(*(0, 1, 0, 1)[:count])).judgements == new
    assert last(world, project) == [1]


def test_after_something_new_what_was_said_in_another_file_is_said_anew(world, project, tmp_path):
    given(project, tmp_path, *says(0))
    assert given(project, tmp_path, *says(1, 0)).judgements == 2
    assert last(world, project) == [0]
    assert given(project, tmp_path, *says(1, 0)).judgements == 0


def test_a_file_alone_with_an_old_word_is_that_old_word(world, project, tmp_path):
    """Over three files nothing tells the third from the first, read again."""
    for choice in (0, 1, 0):
        given(project, tmp_path, *says(choice))
    assert last(world, project) == [1]


def test_what_a_browser_said_is_none_of_the_files_words(world, project, tmp_path):
    given(project, tmp_path, *says(0, judgement=FIRST))
    assert given(project, tmp_path, *says(1, 0)).judgements == 2
    assert last(world, project) == [0]
    assert given(project, tmp_path, *says(1, 0)).judgements == 0


def test_revisions_without_numbers_of_their_own_are_kept(world, project, tmp_path):
    rows = [pair("x", choice, "ann", revision=place + 1) for place, choice in enumerate((0, 1, 0))]
    for _ in range(2):
        given(project, tmp_path, *rows)
        assert [(row["choice"], row["meta"]["revision"]) for row in rows_of(world, project)] == [(0, 3)]
