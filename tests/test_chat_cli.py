"""The command as it is typed: its JSON, its errors in one line, its exit status."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from chat.cli import main
from corpus.plain import plain
from corpus.read import read_text
from tests.conftest import ROOT
from tests.fake_ollama import saying, serving

ESSAY = (ROOT / "corpus" / "posts" / "next-on-llm.md").read_bytes().decode()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli")


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Done]:
    """The command in this process: its heavy imports are paid once."""

    def command(*words: str, stdin: str = "", **env: str) -> Done:
        for name, value in {"REJOINDER_HOME": str(home), "REJOINDER_MODEL": "stub", **env}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["rejoinder", *words])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        try:
            status: int | str | None = main() or 0
        except SystemExit as stop:
            status = stop.code
        told = capsys.readouterr()
        return Done(int(status or 0), told.out, told.err)

    return command


def test_ask_prints_the_json_of_the_design(run: Callable[..., Done]) -> None:
    done = run("ask", "Does compression equal simulation?", "--stance", "challenge", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 0
    assert list(answer) == [
        "question", "query", "stance", "model", "reply", "raw", "interrupted", "notices",
        "passages", "sentences", "timings",
    ]  # fmt: skip
    assert (answer["stance"], answer["model"], answer["interrupted"]) == (
        "challenge",
        "stub",
        False,
    )
    assert answer["query"] == [{"text": answer["question"], "weight": 1.0, "role": "question"}]
    for passage in answer["passages"]:
        assert list(passage) == ["n", "id", "post", "section", "text", "start", "end", "language"]
        assert plain(ESSAY[passage["start"] : passage["end"]]) == passage["text"]
    for sentence in answer["sentences"]:
        assert list(sentence) == [
            "text",
            "start",
            "end",
            "verdict",
            "marked",
            "found",
            "quotes",
            "why",
            "score",
        ]
        assert answer["reply"][sentence["start"] : sentence["end"]] == sentence["text"]
        for quote in sentence["quotes"]:
            assert fold_case(ESSAY[quote["start"] : quote["end"]]) in fold_case(sentence["text"])
    assert {"quoted", "own"} == {s["verdict"] for s in answer["sentences"]}
    assert list(answer["timings"]) == ["search_ms", "first_token_ms", "total_ms"]


def fold_case(text: str) -> str:
    return " ".join(text.split()).casefold()


def test_search_prints_hits(run: Callable[..., Done]) -> None:
    done = run("search", "What is the data flywheel?", "-k", "2", "--json")
    found = json.loads(done.stdout)
    assert list(found) == ["query", "hits"]
    assert len(found["hits"]) == 2
    assert list(found["hits"][0]) == [
        "id", "post", "section", "text", "score", "start", "end", "language", "passages",
    ]  # fmt: skip
    assert "Data Flywheel" in found["hits"][0]["text"]
    assert found["hits"][0]["section"] == ["Alignment/Feedback"]


def test_index_prints_what_it_did(run: Callable[..., Done], tmp_path: Path) -> None:
    posts = tmp_path / "posts"
    posts.mkdir()
    (posts / "a.md").write_text("---\ntitle: A\n---\n\nWords to find.\n")
    (posts / "b.md").write_text("")
    done = run("index", "--posts", str(posts), "--json")
    told = json.loads(done.stdout)
    assert list(told) == ["posts", "passages", "chunks", "added", "deleted", "skipped", "seconds"]
    assert (told["posts"], told["added"]) == (1, 1)
    assert told["skipped"] == [{"file": "b.md", "why": "is empty"}]


def test_check_judges_given_replies(run: Callable[..., Done], tmp_path: Path) -> None:
    file = tmp_path / "check.jsonl"
    rows = [
        {
            "id": "a",
            "reply": "It says “the cat sat on the mat” [1].",
            "passages": ["The cat sat on the mat."],
        },
        {
            "id": "b",
            "reply": "The text says the dog flew [1].",
            "passages": ["The cat sat on the mat."],
        },
    ]
    file.write_text("\n".join(map(json.dumps, rows)))
    done = run("check", str(file), "--json")
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["id"], first["sentences"][0]["verdict"], first["score"]) == ("a", "quoted", 1.0)
    assert second["sentences"][0]["verdict"] == "unsupported"
    assert second["score"] == min(s["score"] for s in second["sentences"]) < 0.5


def test_eval_measures_the_frozen_questions(run: Callable[..., Done]) -> None:
    done = run("eval", str(ROOT / "tests/data/essay-questions.jsonl"), "--json")
    told = json.loads(done.stdout)
    assert list(told) == ["questions", "hit@1", "hit@5", "hit@10", "mrr@10", "p50_ms", "p95_ms"]
    assert told["questions"] == 20
    assert 0.5 < told["hit@1"] <= told["hit@5"] <= told["hit@10"] <= 1


def test_chat_answers_a_line_with_a_line_and_remembers(run: Callable[..., Done]) -> None:
    done = run(
        "chat", "--json", "--stance", "question", stdin="What of agents?\n\nAnd why is that?\n"
    )
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["reply"].endswith("?")
    assert [part["role"] for part in second["query"]] == [
        "question",
        "previous question",
        "previous answer",
    ]


def test_a_fault_in_one_question_does_not_end_the_chat(run: Callable[..., Done]) -> None:
    long = "word " * 20000
    done = run("chat", "--json", stdin=f"{long}\nWhat of agents?\n")
    first, second = map(json.loads, done.stdout.splitlines())
    assert "REJOINDER_CONTEXT" in first["error"]
    assert second["reply"]


def test_ask_uses_ollama_over_http(run: Callable[..., Done]) -> None:
    with serving(saying("I read ", "“Will agents face a similar fate?” [13].")) as server:
        done = run(
            "ask", "What of agents?", "--json", REJOINDER_MODEL="auto", OLLAMA_HOST=server.address
        )
    answer = json.loads(done.stdout)
    assert answer["model"] == "ollama:tiny:1b"
    assert answer["sentences"][0]["verdict"] == "quoted"
    assert server.requests[0]["options"]["num_ctx"] == 8192


@pytest.mark.parametrize(
    ("words", "env", "said"),
    [
        (["ask", "x", "--model", "gpt"], {}, "There is no model 'gpt'. Write auto"),
        (
            ["ask", "x", "--scope", "nowhere"],
            {},
            "There is no post 'nowhere'. Name one of: next-on-llm.",
        ),
        (
            ["ask", "x", "--model", "ollama:m"],
            {"OLLAMA_HOST": "127.0.0.1:9"},
            "Start it with: ollama serve",
        ),
        (
            ["search", "x", "--posts", "/nowhere"],
            {},
            "Name one with --posts DIR or REJOINDER_POSTS.",
        ),
        (["search", "x"], {"REJOINDER_CONTEXT": "many"}, "REJOINDER_CONTEXT is 'many'"),
        (["search", "x"], {"REJOINDER_EMBEDDER": "/nowhere"}, "Set REJOINDER_EMBEDDER"),
        (["check", "/nowhere.jsonl"], {}, "cannot be read"),
        (["eval", str(ROOT / "LICENSE")], {}, "LICENSE, line 1: not JSON"),
    ],
)
def test_an_error_is_one_line_and_exit_status_1(
    words: list[str], env: dict[str, str], said: str, run: Callable[..., Done]
) -> None:
    done = run(*words, **env)
    assert done.returncode == 1
    assert done.stdout == ""
    line = done.stderr.splitlines()[-1]
    assert line.startswith("rejoinder: ")
    assert said in line
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [["ask"], ["ask", " "], ["search", "x", "-k", "0"], ["nonsense"]])
def test_wrong_usage_is_exit_status_2(words: list[str], run: Callable[..., Done]) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_doctor_says_what_is_missing_and_what_to_type(run: Callable[..., Done]) -> None:
    down = run("doctor", "--json", REJOINDER_MODEL="auto", OLLAMA_HOST="127.0.0.1:9")
    findings = {f["what"]: f for f in json.loads(down.stdout)}
    assert down.returncode == 1
    assert "ollama serve" in findings["model"]["mend"]
    assert findings["embedder"]["ok"]
    assert "1 posts, 24 passages" in findings["posts"]["said"]
    with serving(saying("x")) as server:
        up = run("doctor", REJOINDER_MODEL="auto", OLLAMA_HOST=server.address)
    assert up.returncode == 0, up.stdout


def test_the_essay_used_is_the_one_that_is_shipped() -> None:
    post, losses = read_text(ESSAY, "next-on-llm")
    assert losses == []
    assert len(post.passages) == 24


def test_the_installed_command_runs_from_any_folder(home: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("rejoinder"), "ask", "What of agents?", "--json"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
        env={**os.environ, "REJOINDER_HOME": str(home), "REJOINDER_MODEL": "stub"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["reply"]
