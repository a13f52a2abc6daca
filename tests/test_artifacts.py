import os

import pytest

from assent.errors import UserError
from assent.pipeline.artifacts import ArtifactStore, key_of, key_of_bytes
from assent.pipeline.hashes import Hashes, content_hash

KEY = "rows-0123456789ab"
ONE = "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806"  # printf 'one\n' | sha256sum
TWO = "27dd8ed44a83ff94d557f9fd0412ed5a8cbca69ea04922d88c01184a07300a5a"  # printf 'two\n' | sha256sum


@pytest.fixture
def store(tmp_path):
    (tmp_path / "artifacts").mkdir()
    return ArtifactStore(tmp_path / "artifacts")


def finished(store, key=KEY):
    partial = store.partial(key)
    (partial / "model").mkdir(parents=True)
    (partial / "model" / "weights").write_bytes(bytes(range(100)))
    (partial / "rows.jsonl").write_text("one\n")
    return store.finish(key)


def test_key_is_the_hash_of_canonical_json():
    # printf '{"inputs":{"data":{"content":"ff"}},"settings":{"data":null,"rate":0.5},
    # "stage":"rows","version":1}' (in one line) | sha256sum
    key = key_of("rows", 1, {"rate": 0.5, "data": None}, {"data": {"content": "ff"}})
    assert key == "rows-8c442f727bdb"


def test_key_depends_on_each_of_its_parts():
    keys = {
        key_of("rows", 1, {"a": 1}, {}),
        key_of("judge", 1, {"a": 1}, {}),
        key_of("rows", 2, {"a": 1}, {}),
        key_of("rows", 1, {"a": 2}, {}),
        key_of("rows", 1, {"a": 1}, {"data": {"stage": "x"}}),
    }
    assert len(keys) == 5


def test_key_of_an_export_is_the_hash_of_its_bytes(tmp_path):
    (tmp_path / "judgements.jsonl").write_text("one\n")
    assert key_of_bytes("annotate", tmp_path / "judgements.jsonl") == f"annotate-{ONE[:12]}"


def test_content_of_one_file_is_its_sha256_whatever_its_name(tmp_path):
    (tmp_path / "a.txt").write_text("one\n")
    (tmp_path / "b.txt").write_text("one\n")
    assert content_hash(str(tmp_path / "a.txt")) == content_hash(str(tmp_path / "b.txt")) == ONE


def test_content_of_a_pattern_and_of_a_folder_is_names_and_contents(tmp_path):
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "b.txt").write_text("two\n")
    (tmp_path / "corpus" / "a.txt").write_text("one\n")
    (tmp_path / "corpus" / ".hidden").write_text("no\n")
    # sha256sum of {"a.txt":"<ONE>","b.txt":"<TWO>"}
    expected = "995347006605c5d21b07d4427b08fe5f15af1f79b4e5a8c7bc771b7de8914d4d"
    assert content_hash(str(tmp_path / "corpus" / "*.txt")) == expected
    assert content_hash(str(tmp_path / "corpus")) == expected
    (tmp_path / "corpus" / "a.txt").rename(tmp_path / "corpus" / "c.txt")
    assert content_hash(str(tmp_path / "corpus")) != expected


def test_missing_content_is_refused(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        content_hash(str(tmp_path / "*.txt"))


def test_hashes_are_read_again_only_when_size_or_mtime_differ(tmp_path):
    data, cache = tmp_path / "data", tmp_path / "hashes.json"
    data.write_text("one\n")
    os.utime(data, (1_000_000, 1_000_000))
    first = Hashes(cache)
    assert first.content(str(data)) == ONE
    first.save()
    data.write_text("two\n")
    os.utime(data, (1_000_000, 1_000_000))  # a change that size and mtime hide shows that the cache answered
    assert Hashes(cache).content(str(data)) == ONE
    os.utime(data, (1_000_001, 1_000_001))
    assert Hashes(cache).content(str(data)) == TWO


def test_a_file_written_just_now_is_not_remembered(tmp_path):
    data, cache = tmp_path / "data", tmp_path / "hashes.json"
    data.write_text("one\n")
    hashes = Hashes(cache)
    hashes.content(str(data))
    hashes.save()
    assert cache.read_text() == "{}\n"


@pytest.mark.parametrize("text", ["{", "[]", '{"/a": 3}'])
def test_a_damaged_cache_costs_nothing_but_time(tmp_path, text):
    (tmp_path / "hashes.json").write_text(text)
    (tmp_path / "data").write_text("one\n")
    assert Hashes(tmp_path / "hashes.json").content(str(tmp_path / "data")) == ONE


def test_finishing_renames_and_leaves_a_manifest(store):
    assert not store.finished(KEY)
    folder = finished(store)
    assert folder == store.path(KEY)
    assert store.finished(KEY)
    assert not store.partial(KEY).exists()
    assert store.verify(KEY) == []
    assert f'"sha256": "{ONE}"' in (folder / "manifest.json").read_text()


def test_finishing_under_another_key(store):
    store.partial(KEY).mkdir()
    assert store.finish(KEY, "rows-ffffffffffff").name == "rows-ffffffffffff"
    assert not store.finished(KEY)


def test_finishing_what_is_there_already_drops_the_work(store):
    finished(store)
    store.partial("rows-ffffffffffff").mkdir()
    store.finish("rows-ffffffffffff", KEY)
    assert store.verify(KEY) == []
    assert [path.name for path in store.root.iterdir()] == [KEY]


def test_a_kill_between_manifest_and_rename_is_mended(store):
    store.partial(KEY).mkdir()
    (store.partial(KEY) / "manifest.json").write_text('{"files": {"old": {"size": 1, "sha256": ""}}}')
    (store.partial(KEY) / "rows.jsonl").write_text("one\n")
    store.finish(KEY)
    assert store.verify(KEY) == []


def damage_flip(folder):
    content = bytearray((folder / "model" / "weights").read_bytes())
    content[50] ^= 1
    (folder / "model" / "weights").write_bytes(content)


def damage_cut(folder):
    (folder / "model" / "weights").write_bytes(bytes(range(99)))


def damage_remove(folder):
    (folder / "model" / "weights").unlink()


def damage_manifest(folder):
    (folder / "manifest.json").write_text("{")


def damage_extra(folder):
    (folder / "model" / "more").write_text("")


def damage_link(folder):
    (folder / "model" / "weights").unlink()
    (folder / "model" / "weights").symlink_to(folder / "rows.jsonl")


@pytest.mark.parametrize(
    ("damage", "problem", "still_finished"),
    [
        (damage_flip, "weights: content differs", True),  # only reading every byte can tell
        (damage_extra, "more: not in the manifest", True),
        (damage_cut, "99 bytes, the manifest says 100", False),
        (damage_remove, "weights: missing", False),
        (damage_manifest, "manifest.json: missing or damaged", False),
        (damage_link, "weights: is a symlink", False),
    ],
)
def test_damage_is_found(store, damage, problem, still_finished):
    damage(finished(store))
    (found,) = store.verify(KEY)
    assert problem in found
    assert store.finished(KEY) is still_finished
    assert store.damaged(KEY) is not still_finished


def test_a_damaged_artifact_is_set_aside(store):
    assert store.set_aside(KEY) is None
    damage_cut(finished(store))
    assert store.set_aside(KEY).name == f"{KEY}.damaged"
    finished(store)
    damage_cut(store.path(KEY))
    store.set_aside(KEY)  # an older one makes room
    assert [path.name for path in store.root.iterdir()] == [f"{KEY}.damaged"]


def test_verify_tells_a_missing_artifact(store):
    assert store.verify(KEY) == [f"{store.path(KEY)}: missing"]


@pytest.mark.parametrize("name", ["../rows-0123456789ab", "..", "/etc", "rows-0123456789ab/..", "rows", ""])
def test_names_that_are_no_keys_are_refused(store, name):
    with pytest.raises(UserError, match="not the name of an artifact"):
        store.path(name)


def test_a_manifest_that_names_files_outside_is_not_followed(store):
    folder = finished(store)
    (store.root / "secret").write_text("x")
    (folder / "manifest.json").write_text('{"files": {"../secret": {"size": 1, "sha256": ""}}}')
    assert "lies outside the artifact" in store.verify(KEY)[0]


def test_symlinks_are_refused(store, tmp_path):
    store.partial(KEY).mkdir()
    (store.partial(KEY) / "link").symlink_to(tmp_path)
    with pytest.raises(UserError, match="no symlinks"):
        store.finish(KEY)
    (store.root / "rows-ffffffffffff").symlink_to(tmp_path)
    with pytest.raises(UserError, match="is a symlink"):
        store.finished("rows-ffffffffffff")
