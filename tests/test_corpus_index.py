"""The index stays in step: deterministic, only what is new, killed, shared, two at once."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from corpus.errors import StoreFailed
from corpus.index import Index, collection_name
from corpus.read import read_folder
from corpus.search import Part
from corpus.settings import ESSAYS
from corpus.shelf import Shelf
from tests.conftest import ROOT, Letters

RUN = """
import sys, time
from pathlib import Path
from corpus.index import Index
from corpus.read import read_folder
from tests.conftest import Letters
class Slow(Letters):
    def encode(self, texts, progress=None):
        print("batch", flush=True)
        time.sleep(float(sys.argv[3]))
        return super().encode(texts, progress)
import corpus.index
corpus.index._BATCH = 4
print("ready", flush=True)
report = Index("rejoinder-test", Slow(), home=Path(sys.argv[1])).sync(
    read_folder(Path(sys.argv[2])), wait=len(sys.argv) > 4)
print(report.added, report.deleted, report.busy, flush=True)
"""


def run(home: Path, posts: Path, pause: float, *wait: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", RUN, str(home), str(posts), str(pause), *wait]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def essay(folder: Path, *paragraphs: str) -> Path:
    folder.mkdir(exist_ok=True)
    text = "\n\n".join(
        paragraphs or [f"# H{i}\n\nThis is paragraph number {i}." for i in range(30)]
    )
    (folder / "post.md").write_text(f"---\ntitle: P\n---\n\n{text}\n")
    return folder


@pytest.fixture
def index(tmp_path: Path, letters: Letters) -> Index:
    return Index("rejoinder-test", letters, home=tmp_path / "home")


def test_only_what_is_new_is_embedded_and_what_is_gone_is_dropped(
    index: Index, letters: Letters, tmp_path: Path
) -> None:
    folder = essay(tmp_path / "posts", "# A\n\none two", "# B\n\nthree four")
    first = index.sync(read_folder(folder))
    assert (first.chunks, first.added, first.deleted) == (2, 2, 0)
    generation = index.read().generation
    letters.embedded.clear()
    assert index.sync(read_folder(folder)).added == 0
    assert (letters.embedded, index.read().generation) == ([], generation)
    essay(folder, "# A\n\none two", "# C\n\nfive")
    second = index.sync(read_folder(folder))
    assert (second.added, second.deleted) == (1, 1)
    assert letters.embedded == ["C\nfive"]
    assert sorted(index.read().texts) == ["A\none two", "C\nfive"]


def test_a_line_at_the_head_of_the_file_embeds_nothing(
    index: Index, letters: Letters, tmp_path: Path
) -> None:
    folder = tmp_path / "posts"
    folder.mkdir()
    source = (ESSAYS / "next-on-llm.md").read_bytes()
    (folder / "next-on-llm.md").write_bytes(source)
    index.sync(read_folder(folder))
    letters.embedded.clear()
    (folder / "next-on-llm.md").write_bytes(b"<!-- draft two -->\n" + source)
    report = index.sync(read_folder(folder))
    assert (report.added, report.deleted, letters.embedded) == (0, 0, [])


def test_ids_and_vectors_are_the_same_in_every_home(letters: Letters, tmp_path: Path) -> None:
    library = read_folder(ESSAYS)
    made = []
    for name in ("one", "two"):
        index = Index("rejoinder-test", letters, home=tmp_path / name)
        index.sync(library)
        stored = index.read()
        made.append(dict(zip(stored.ids, stored.vectors.tolist(), strict=True)))
    assert made[0] == made[1]


@pytest.mark.parametrize(("batches", "pause"), [(1, 0.0), (2, 0.0), (4, 0.03), (6, 0.06), (8, 0.1)])
def test_a_killed_index_run_is_finished_by_the_next(
    batches: int, pause: float, index: Index, tmp_path: Path
) -> None:
    folder = essay(tmp_path / "posts")
    process = run(tmp_path / "home", folder, 0.05)
    assert process.stdout
    for line in ["ready\n", *["batch\n"] * batches]:
        assert process.stdout.readline() == line
    time.sleep(pause)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = len(index.read().ids)  # whatever is there can be read
    report = index.sync(read_folder(folder))
    assert 4 * (batches - 1) <= before <= 30
    assert report.added == 30 - before
    stored = index.read()
    assert (len(stored.ids), stored.vectors.shape) == (30, (30, 26))
    assert index.sync(read_folder(folder)).added == 0


def test_two_runs_at_once_leave_one_whole_index(index: Index, tmp_path: Path) -> None:
    folder = essay(tmp_path / "posts")
    runs = [run(tmp_path / "home", folder, 0.05, "wait") for _ in range(2)]
    said = [process.communicate(timeout=60)[0].split()[-3:] for process in runs]
    assert sorted(said) == [["0", "0", "False"], ["30", "0", "False"]]
    assert len(index.read().ids) == 30


def test_a_second_writer_is_told_that_one_is_at_work(index: Index, tmp_path: Path) -> None:
    folder = essay(tmp_path / "posts")
    (tmp_path / "home").mkdir()
    with FileLock(tmp_path / "home" / "rejoinder-test.lock"):
        report = index.sync(read_folder(folder))
    assert report.busy
    assert index.read().ids == ()


def test_what_another_process_indexes_is_found_by_the_next_search(
    index: Index, tmp_path: Path
) -> None:
    folder = essay(tmp_path / "posts", "# A\n\nzebra")
    shelf = Shelf(folder, index)
    shelf.update()
    assert [hit.text for hit in shelf.search((Part("quokka"),))] == ["zebra"]
    essay(folder, "# A\n\nzebra", "# B\n\nquokka")
    process = run(tmp_path / "home", folder, 0.0)
    said, _ = process.communicate(timeout=60)
    assert said.split()[-3] == "1"
    assert shelf.search((Part("quokka"),))[0].text == "quokka"


def test_another_embedder_or_folder_is_another_collection() -> None:
    names = {collection_name(e, c) for e in ("a", "b") for c in ("/x", "/y")}
    assert len(names) == 4
    assert all(3 <= len(name) <= 63 for name in names)


def test_two_folders_in_one_home_do_not_touch_each_other(letters: Letters, tmp_path: Path) -> None:
    for name in ("one", "two"):
        folder = essay(tmp_path / name, f"# A\n\n{name}")
        index = Index(collection_name("letters", name), letters, home=tmp_path / "home")
        assert index.sync(read_folder(folder)).deleted == 0
        assert index.read().texts == (f"A\n{name}",)


def test_a_home_that_cannot_be_written_says_so(letters: Letters, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    index = Index("rejoinder-test", letters, home=tmp_path / "file")
    with pytest.raises(StoreFailed, match="REJOINDER_HOME"):
        index.sync(read_folder(ESSAYS))
