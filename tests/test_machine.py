import os

import pytest

from assent.pipeline.machine import keep_few_shapes

NAME = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"  # read by the library: uxlfoundation.github.io/oneDNN


@pytest.mark.parametrize(("before", "after"), [(None, "16"), ("200", "200")])
def test_who_has_set_how_many_shapes_are_kept_decides(monkeypatch, before, after):
    monkeypatch.setenv(NAME, before or "")  # so that it is put back at the end
    if before is None:
        monkeypatch.delenv(NAME)
    keep_few_shapes()
    assert os.environ[NAME] == after
