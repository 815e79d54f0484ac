"""How many tokens a text takes in a model whose tokenizer is not at hand.

An estimate on the safe side: about six Latin letters, two digits, one other sign or one
CJK character to a token.
"""

import math
import re
from collections.abc import Iterable

_PIECE = re.compile(r"[A-Za-z]+|\d+|\s+|[^\sA-Za-z\d]")
_MESSAGE = 6  # tokens that a chat template spends on each message


def estimate(text: str) -> int:
    """Tokens of a text, rounded up."""
    total = 0
    for piece in _PIECE.findall(text):
        first = piece[0]
        if first.isspace():
            total += piece.count("\n")
        elif first.isdigit() and first.isascii():
            total += math.ceil(len(piece) / 2)
        elif first.isascii() and first.isalpha():
            total += math.ceil(len(piece) / 6)
        else:
            total += 1
    return total


def estimate_messages(contents: Iterable[str]) -> int:
    """Tokens of messages, with what the chat template adds to each."""
    return sum(estimate(content) + _MESSAGE for content in contents)
