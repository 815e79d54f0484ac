"""Files to posts: decoding, front matter, and the sections and passages of the text."""

import datetime as dt
import hashlib
import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from corpus.errors import NoPosts
from corpus.markdown import Block, Heading, blocks
from corpus.plain import fold
from corpus.post import Library, Passage, Post, Section, Skipped

LARGEST = 5_000_000  # bytes; reading a larger file takes minutes and is never an essay
_DEEPEST = 3  # levels of nested tags that are read
_SUFFIXES = (".md", ".markdown")
_FRONT_MATTER = re.compile(
    r"\A(?:\s|<!--(?:(?!-->).)*-->)*+^---[ \t]*(?:\r\n|\r|\n)(.*?)^---[ \t]*(?:\r\n|\r|\n|\Z)",
    re.DOTALL | re.MULTILINE,
)


def read_folder(folder: Path) -> Library:
    """Every Markdown post under `folder`, in the order of their paths.

    A file that cannot be read is left out, one that is read with a loss is in, and both
    are in `skipped` with the reason. Raises `NoPosts` where nothing can be read at all.
    """
    if not folder.is_dir():
        raise NoPosts(
            f"There is no folder {str(folder)!r}. Name one with --posts DIR or REJOINDER_POSTS."
        )
    files = sorted(
        Path(where, name)
        for where, _, names in os.walk(folder)
        if not any(part.startswith(".") for part in Path(where).relative_to(folder).parts)
        for name in names
        if name.lower().endswith(_SUFFIXES)
    )
    posts: list[Post] = []
    skipped: list[Skipped] = []
    for file, slug in zip(files, slugs([f.relative_to(folder) for f in files]), strict=True):
        post, losses = read_file(file, slug)
        name = os.fsencode(file.relative_to(folder)).decode("utf-8", "replace")
        skipped += [Skipped(name, why) for why in losses]
        posts += [post] if post else []
    if not posts:
        reasons = "".join(f" {s.file}: {s.why}." for s in skipped[:3])
        raise NoPosts(
            f"{str(folder)!r} holds no Markdown post that can be read.{reasons} "
            "Name another folder with --posts DIR or REJOINDER_POSTS."
        )
    return Library(tuple(posts), tuple(skipped))


def slugs(paths: Iterable[Path]) -> list[str]:
    """A slug for each path: its stem, or all of it without suffix where stems repeat."""
    paths = list(paths)
    stems = Counter(path.stem for path in paths)
    taken: Counter[str] = Counter()
    return [
        _numbered(os.fsencode(name).decode("utf-8", "replace").replace("#", "-"), taken)
        for path in paths
        for name in [path.stem if stems[path.stem] == 1 else path.with_suffix("").as_posix()]
    ]


def read_file(file: Path, slug: str) -> tuple[Post | None, list[str]]:
    """A file as a post (`None` if it cannot be read), and what was lost, in words."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            return None, ["is not a regular file"]
        size = file.stat().st_size
        if size > LARGEST:
            limit = LARGEST // 1_000_000
            return None, [
                f"is {size / 1e6:.0f} MB, more than the {limit} MB that are read; split it"
            ]
        data = file.read_bytes()
    except OSError as error:
        return None, [f"cannot be read ({error.strerror or error})"]
    losses = []
    source = data.decode("utf-8", errors="replace").removeprefix("\ufeff")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        losses.append(f"is not UTF-8 (byte {error.start}); what could not be read stands as \ufffd")
    if not source.strip():
        return None, ["is empty"]
    post, lost = read_text(source, slug)
    return (post, losses + lost) if post.passages else (None, [*losses, *lost, "holds no text"])


def read_text(source: str, slug: str) -> tuple[Post, list[str]]:
    """A post's source, decoded, as a `Post`, and what was lost, in words."""
    fields, body, losses = _front_matter(source)
    headings: list[tuple[Heading, str]] = []  # with their ids
    found: list[tuple[Block, str]] = []  # with their section's id
    taken: Counter[str] = Counter()
    here = f"{slug}#"
    for block in blocks(source, body):
        if isinstance(block, Heading):
            here = _numbered(f"{slug}#{heading_slug(block.title)}", taken)
            headings.append((block, here))
        else:
            found.append((block, here))
    sections = _sections(slug, body, source, headings, any(s == f"{slug}#" for _, s in found))
    title = _words(fields.get("title")) or next((h.title for h, _ in headings if h.title), slug)
    post = Post(
        slug=slug,
        title=title,
        source=source,
        sections=sections,
        passages=_passages(slug, found),
        date=_date(fields.get("date")),
        categories=_list(fields.get("categories")),
        tags=_list(fields.get("tags")),
    )
    return post, losses


def heading_slug(title: str) -> str:
    """The part of a section's id that is made from its heading.

    >>> heading_slug("World Model, in a data-driven fasion?")
    'world-model-in-a-data-driven-fasion'
    """
    kept = (c if c.isalnum() else "-" for c in unicodedata.normalize("NFKC", title).lower())
    return re.sub("-+", "-", "".join(kept)).strip("-")


# -- front matter --------------------------------------------------------------------


def _front_matter(source: str) -> tuple[Mapping[str, object], int, list[str]]:
    """The fields, where the text begins, and what was lost, in words."""
    found = _FRONT_MATTER.match(source)
    if not found:
        return {}, 0, ["has no front matter; its first heading or its name is its title"]
    try:
        fields = yaml.safe_load(found[1])
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 2}" if mark else str(error)
        return {}, found.end(), [f"has front matter that is not YAML ({where}); read without it"]
    if fields is None:
        return {}, found.end(), []
    if not isinstance(fields, dict):  # two thematic breaks with text between them
        return {}, 0, ["has no front matter; its first heading or its name is its title"]
    return fields, found.end(), []


def _words(value: object) -> str:
    return fold(str(value)) if value is not None else ""


def _list(value: object, depth: int = 0) -> tuple[str, ...]:
    if isinstance(value, list):
        deeper = value if depth < _DEEPEST else ()
        return tuple(word for part in deeper for word in _list(part, depth + 1))
    return (_words(value),) if _words(value) else ()


def _date(value: object) -> dt.date | None:
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(_words(value)[:10])
    except ValueError:
        return None


# -- sections and passages -----------------------------------------------------------


def _numbered(name: str, taken: Counter[str]) -> str:
    """`name`, or `name-2`, `name-3` where it is taken."""
    taken[name] += 1
    if taken[name] == 1 and not name.endswith("#"):
        return name
    number = max(taken[name], 2)
    while taken[f"{name}-{number}"]:
        number += 1
    taken[f"{name}-{number}"] += 1
    return f"{name}-{number}"


def _sections(
    slug: str, body: int, source: str, headings: list[tuple[Heading, str]], preamble: bool
) -> tuple[Section, ...]:
    """The headings as sections; each ends where one of its own level or above begins."""
    sections = []
    if preamble:
        end = headings[0][0].start if headings else len(source)
        sections.append(Section(f"{slug}#", "", 0, body, end))
    open_: list[tuple[int, str]] = []  # level and id of the sections around
    for i, (heading, id_) in enumerate(headings):
        open_ = [(level, outer) for level, outer in open_ if level < heading.level]
        end = next((h.start for h, _ in headings[i + 1 :] if h.level <= heading.level), len(source))
        parents = tuple(outer for _, outer in open_)
        sections.append(Section(id_, heading.title, heading.level, heading.start, end, parents))
        open_.append((heading.level, id_))
    return tuple(sections)


def _passages(slug: str, found: list[tuple[Block, str]]) -> tuple[Passage, ...]:
    passages: list[Passage] = []
    taken: Counter[str] = Counter()
    leads: dict[int, str] = {}  # a list item's number → the id of its first passage
    for block, section in found:
        digest = hashlib.sha256(block.text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        id_ = _numbered(f"{slug}@{digest}", taken)
        for item in block.items:
            leads.setdefault(item, id_)
        passages.append(
            Passage(
                id=id_,
                text=block.text,
                html=block.html,
                start=block.start,
                end=block.end,
                section=section,
                parents=tuple(dict.fromkeys(leads[i] for i in block.items[:-1] if leads[i] != id_)),
                kind=block.kind,
                depth=len(block.items),
                quotes=block.quotes,
                bullet=block.bullet,
            )
        )
    return tuple(passages)
