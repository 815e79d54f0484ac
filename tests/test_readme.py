"""The README is run: its commands work as written, and its tree names every file."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text("utf-8")
BLOCK = re.compile(r"(<!-- not run here -->\n)?```sh\n(.*?)```", re.DOTALL)
COMMANDS = [
    line
    for skipped, block in BLOCK.findall(README)
    if not skipped
    for line in block.splitlines()
    if line and not line.startswith("make ")  # .ci/run runs those two itself
]


def test_the_readme_has_commands_to_run() -> None:
    assert len(COMMANDS) >= 6
    assert README.count("\nmake run\n") == README.count("\nmake test\n") == 1


@pytest.mark.skipif(not (ROOT / ".venv").exists(), reason="installed elsewhere than in .venv")
def test_every_command_of_the_readme_works_as_written(tmp_path: Path) -> None:
    env = {**os.environ, "REJOINDER_HOME": str(tmp_path), "OLLAMA_HOST": "127.0.0.1:9"}
    script = "\n".join(["set -e", *COMMANDS])
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "data flywheel" in done.stdout.lower()


def test_the_tree_names_every_module_with_a_line() -> None:
    for package in ("corpus", "prompts", "chat"):
        for file in (ROOT / package).glob("*.py"):
            if file.name != "__init__.py":
                assert re.search(rf"^  {file.name} +\S", README, re.MULTILINE), file


def test_every_setting_is_in_the_readme() -> None:
    from corpus.settings import Settings

    for name in Settings.model_fields:
        variable = "OLLAMA_HOST" if name == "ollama_host" else f"REJOINDER_{name.upper()}"
        assert f"`{variable}`" in README


def test_the_screenshot_is_there() -> None:
    assert (ROOT / "screenshot.png").stat().st_size > 10_000
