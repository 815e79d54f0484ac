"""A post, its sections and its passages: frozen data, and how to look things up in it."""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from corpus.errors import PlaceUnknown

_PASSAGE = re.compile(r"@[0-9a-f]{8}(-\d+)?$")

Kind = Literal["paragraph", "code", "table", "formula", "html"]


@dataclass(frozen=True, slots=True)
class Passage:
    """The smallest quotable unit: one block, cut from `Post.source[start:end]`.

    `plain(source[start:end], kind, quotes) == text`; see `corpus.plain.plain`.
    """

    id: str  # slug@ and 8 hex digits of its text's hash, -2, -3 where a text repeats
    text: str  # what a reader reads: NFC, white space folded, mathematics as TeX
    html: str  # the block's inside as HTML, not yet sanitized
    start: int  # characters into Post.source
    end: int
    section: str  # id of the innermost section
    parents: tuple[str, ...] = ()  # ids of the list items it hangs under, outermost first
    kind: Kind = "paragraph"
    depth: int = 0  # list levels around it
    quotes: int = 0  # block quotes around it
    bullet: str = ""  # what stands before it in a list: "•", "3.", or nothing

    @property
    def language(self) -> str:
        """`zh` or `en`, by the script of its letters."""
        return language_of(self.text)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with all that stands under it, its subsections included."""

    id: str  # slug#heading-slug; slug# for what stands before the first heading
    title: str
    level: int  # 1 to 6; 0 before the first heading
    start: int  # of the heading, characters into Post.source
    end: int
    parents: tuple[str, ...] = ()  # ids of the sections around it, outermost first


@dataclass(frozen=True)
class Post:
    """One Markdown file as data. `source` is its text with the line ends untouched."""

    slug: str
    title: str
    source: str
    sections: tuple[Section, ...]
    passages: tuple[Passage, ...]
    date: dt.date | None = None
    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    @cached_property
    def _sections(self) -> dict[str, Section]:
        return {section.id: section for section in self.sections}

    def headings(self, section_id: str) -> tuple[str, ...]:
        """The titles from the outermost heading down to `section_id`'s own."""
        section = self._sections[section_id]
        chain = [*section.parents, section_id]
        return tuple(t for t in (self._sections[i].title for i in chain) if t)

    def within(self, place: str) -> tuple[Passage, ...]:
        """The passages of a scope in this post: its slug, a section's id or a passage's."""
        if place == self.slug:
            return self.passages
        if _PASSAGE.search(place):
            return tuple(p for p in self.passages if p.id == place)
        inner = {s.id for s in self.sections if s.id == place or place in s.parents}
        return tuple(p for p in self.passages if p.section in inner)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was left out, or read with something lost, and why."""

    file: str
    why: str


@dataclass(frozen=True)
class Library:
    """All posts of a folder, and what could not be read."""

    posts: tuple[Post, ...]
    skipped: tuple[Skipped, ...] = ()

    @cached_property
    def _by_slug(self) -> dict[str, Post]:
        return {post.slug: post for post in self.posts}

    @cached_property
    def _by_passage(self) -> dict[str, tuple[Post, Passage]]:
        return {p.id: (post, p) for post in self.posts for p in post.passages}

    def passages(self) -> Iterator[Passage]:
        """Every passage, in the order of the posts."""
        for post in self.posts:
            yield from post.passages

    def find(self, passage_id: str) -> tuple[Post, Passage] | None:
        """The passage with this id and its post, if it is still there."""
        return self._by_passage.get(passage_id)

    def post(self, place: str) -> Post:
        """The post of a scope (`SLUG`, `SLUG#SECTION` or `SLUG@HEX`).

        Raises `PlaceUnknown` where nothing of that name is there.
        """
        slug = slug_of(place)
        post = self._by_slug.get(slug)
        if post is None:
            known = ", ".join(sorted(self._by_slug)[:5])
            raise PlaceUnknown(f"There is no post {slug!r}. Name one of: {known}.")
        return post

    def within(self, place: str) -> tuple[Passage, ...]:
        """The passages of a scope; all of them where it is empty.

        Raises `PlaceUnknown` where the scope names nothing.
        """
        if not place:
            return tuple(self.passages())
        post = self.post(place)
        found = post.within(place)
        if not found and place != post.slug:
            known = ", ".join(section.id for section in post.sections[:5])
            raise PlaceUnknown(f"There is nothing at {place!r}. Its post has: {known}.")
        return found


def language_of(text: str) -> str:
    """`zh` where Han characters make up a third of the letters or more, else `en`.

    A Han character stands for about two Latin letters, so it counts twice.
    """
    letters = [c for c in text if c.isalpha()]
    han = sum(1 for c in letters if "\u3400" <= c <= "\u9fff" or "\uf900" <= c <= "\ufaff")
    return "zh" if letters and 2 * han >= (len(letters) + han) / 3 else "en"


def slug_of(place: str) -> str:
    """The slug that a scope starts with: `a/b` of `a/b`, `a/b#c` and `a/b@0f0f0f0f-2`."""
    return _PASSAGE.sub("", place.partition("#")[0])
