"""Prompt files with named holes: `$name` in a file is filled by the caller, or it is an error."""

from importlib.resources import files
from string import Template


class PromptBroken(ValueError):
    """A prompt file with a hole that nothing fills: a fault of the program, not of its user."""


def render(name: str, **holes: str) -> str:
    """The prompt `name`.md with its holes filled, without the white space at its ends.

    Raises `PromptBroken` naming every hole that was not filled.
    """
    file = files("prompts") / f"{name}.md"
    template = Template(file.read_text("utf-8"))
    missing = sorted(set(template.get_identifiers()) - holes.keys())
    if missing:
        raise PromptBroken(f"prompts/{name}.md has holes that nothing fills: {', '.join(missing)}.")
    return template.substitute(holes).strip()
