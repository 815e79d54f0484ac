"""The rules of the house: one direction, one home for each library, no setting unread."""

import ast
import re
import subprocess
import sys

from corpus.settings import Settings
from tests.conftest import ROOT

PACKAGES = ("prompts", "corpus", "chat")
HOMES = {
    "markdown_it": {"corpus.plain", "corpus.markdown", "chat.show"},
    "latex2mathml": {"corpus.plain"},
    "yaml": {"corpus.read"},
    "sentence_transformers": {"corpus.embedding"},
    "tokenizers": {"corpus.embedding"},
    "bm25s": {"corpus.lexical"},
    "Stemmer": {"corpus.lexical"},
    "chromadb": {"corpus.index"},
    "filelock": {"corpus.index"},
    "pydantic_settings": {"corpus.settings"},
    "platformdirs": {"corpus.settings"},
    "ollama": {"chat.served"},
    "openai": {"chat.served"},
    "llama_index": {"corpus.split", "chat.served"},
    "httpx": {"chat.served", "corpus.index"},
    "nh3": {"chat.reader"},
    "gradio": {"chat.page"},
    "typer": {"chat.cli"},
    "rich": {"chat.terminal"},
}


def imports() -> dict[str, set[str]]:
    """Each module of ours with the modules that it imports anywhere."""
    found = {}
    for package in PACKAGES:
        for file in (ROOT / package).glob("*.py"):
            names: set[str] = set()
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    names |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    names |= {node.module} | {f"{node.module}.{a.name}" for a in node.names}
            found[f"{package}.{file.stem}"] = names
    return found


def test_imports_point_down() -> None:
    allowed = {
        "prompts": {"prompts"},
        "corpus": {"corpus"},
        "chat": {"chat", "corpus", "prompts"},
    }
    for module, names in imports().items():
        for name in names:
            if name.split(".")[0] in PACKAGES:
                down = allowed[module.split(".")[0]]
                assert name.split(".")[0] in down or any(name.startswith(d) for d in down), (
                    module,
                    name,
                )


def test_no_import_goes_round_in_a_circle() -> None:
    found = imports()
    graph = {module: {name for name in names if name in found} for module, names in found.items()}
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, f"circle: {' → '.join([*path, module])}"
        if module not in done:
            for below in graph[module]:
                visit(below, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_each_library_has_its_home() -> None:
    for module, names in imports().items():
        for name in {name.split(".")[0] for name in names}:
            if name in HOMES:
                assert module in HOMES[name], f"{module} imports {name}"


def test_every_setting_is_read_somewhere() -> None:
    code = "\n".join(
        file.read_text("utf-8")
        for package in PACKAGES
        for file in (ROOT / package).glob("*.py")
        if file.name != "settings.py"
    )
    for name in Settings.model_fields:
        assert re.search(rf"settings\.{name}\b", code), f"nobody reads {name}"


def test_a_discussion_needs_no_heavy_library() -> None:
    heavy = ["torch", "chromadb", "gradio", "ollama", "sentence_transformers"]
    code = f"import sys, chat.discussion; sys.exit(str([m for m in {heavy} if m in sys.modules]))"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert said.stderr.strip() == "[]"
