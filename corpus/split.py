"""A post as chunks: neighbouring passages of one section, short enough for the embedder.

Where a section is too long it is halved, at the outermost list level and as near the
middle as may be, and each half again. Such a border depends on how many passages there
are and how they nest, not on what they say: an edit that takes a chunk over its limit
halves that chunk and moves no other.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from corpus.post import Passage, Post
from corpus.sentences import fitting

if TYPE_CHECKING:
    from llama_index.core.schema import TextNode

VERSION = 1  # of the way chunks are cut; another one means another collection
TARGET = 96  # tokens up to which neighbouring passages share a chunk, heading path apart

Count = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A passage, or a part of a long one."""

    text: str
    passage: str
    depth: int
    size: int


def split(post: Post, count: Count, limit: int) -> list["TextNode"]:
    """The chunks of a post, in order, each `count(text) <= limit` tokens.

    A heading with nothing under it has nothing to quote and is in no chunk.

    A node's `text` is the heading path and the passages, a line each: what is embedded.
    Its metadata names the post and the passages, by id; its own id is made from both, so
    that it changes when, and only when, the text does.
    """
    nodes = []
    for section, passages in groupby(post.passages, key=lambda p: p.section):
        path = " › ".join(post.headings(section))
        spare = ""
        if count(path) > limit // 2:  # too long to stand before every chunk: it is text itself
            path, spare = "", path
        room = limit - count(path)
        pieces = list(_pieces(passages, spare, count, room))
        for part in _packed(pieces, min(room, TARGET)):
            nodes.append(_node(post, path, part))
    return nodes


def _node(post: Post, path: str, pieces: Sequence[_Piece]) -> "TextNode":
    from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode  # takes 2 s

    text = "\n".join([path] * bool(path) + [piece.text for piece in pieces])
    ids = list(dict.fromkeys(piece.passage for piece in pieces))
    digest = hashlib.sha256("\n".join([text, *ids]).encode("utf-8", "surrogatepass")).hexdigest()
    return TextNode(
        id_=f"{post.slug}:{digest[:20]}",
        text=text,
        metadata={"post": post.slug, "passages": " ".join(i.rpartition("@")[2] for i in ids)},
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=post.slug)},
    )


def _pieces(passages: Iterable[Passage], spare: str, count: Count, room: int) -> Iterator[_Piece]:
    for passage in passages:
        text, spare = f"{spare} {passage.text}".strip(), ""
        size = count(text)
        if size <= room:
            yield _Piece(text, passage.id, passage.depth, size)
            continue
        for part in fitting(text, count, room):
            yield _Piece(part, passage.id, passage.depth, count(part))


def _packed(pieces: Sequence[_Piece], room: int) -> Iterator[Sequence[_Piece]]:
    if len(pieces) == 1 or sum(piece.size for piece in pieces) <= room:
        yield pieces
        return
    top = min(piece.depth for piece in pieces[1:])
    borders = [i for i in range(1, len(pieces)) if pieces[i].depth == top]
    border = min(borders, key=lambda i: abs(2 * i - len(pieces)))
    yield from _packed(pieces[:border], room)
    yield from _packed(pieces[border:], room)
