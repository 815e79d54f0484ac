"""The reading list: the passages that a discussion has brought up, numbered once."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from corpus.post import Passage, Post


@dataclass(frozen=True, slots=True)
class Entry:
    """A passage under its number, as it was when it came up."""

    n: int
    id: str
    post: str  # slug
    section: tuple[str, ...]  # headings, outermost first
    text: str
    start: int  # characters into the post's source
    end: int
    language: str

    def as_json(self) -> dict[str, object]:
        """The entry as the command prints it."""
        return {**asdict(self), "section": list(self.section)}


@dataclass(frozen=True, slots=True)
class ReadingList:
    """Passages under the numbers 1, 2, 3 …, which never change and are never given twice."""

    entries: tuple[Entry, ...] = ()

    def entry(self, n: int) -> Entry:
        """The passage under a number that is in the list."""
        return self.entries[n - 1]

    def joined(self, found: Iterable[tuple[Post, Passage]]) -> "ReadingList":
        """The list with the passages that are not yet in it, under the next numbers."""
        entries = list(self.entries)
        known = {entry.id for entry in entries}
        for post, passage in found:
            if passage.id in known:
                continue
            known.add(passage.id)
            entries.append(
                Entry(
                    n=len(entries) + 1,
                    id=passage.id,
                    post=post.slug,
                    section=post.headings(passage.section),
                    text=passage.text,
                    start=passage.start,
                    end=passage.end,
                    language=passage.language,
                )
            )
        return ReadingList(tuple(entries))
