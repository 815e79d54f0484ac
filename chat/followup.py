"""A question in its history → a query that stands alone. No model is asked.

Rules over the question's words: it leans on what was said before where it points back
(pronouns, demonstratives), goes on ("and …", "what about …"), or names nothing at all.
"""

import re
from collections.abc import Sequence

from corpus.lexical import words
from corpus.search import Part, Query

HISTORY_WEIGHT = 0.5  # of the previous question and of the previous answer, each
_POINTS_BACK = re.compile(
    r"\b(?:it|its|itself|that|those|they|them|their|this|these|one|ones|other|another|former|latter|"
    r"same|such|there|then|so)\b(?!\s+(?:essay|post|author|article|blog)\b)",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    r"^\W*(?:and|but|or|so|also|then|why\W*$|how so|what about|how about|what else|which)\b",
    re.IGNORECASE,
)
_GOES_ON_ZH = re.compile(
    r"^(?:那|那么|所以|但是|可是|而|还有|为什么呢|怎么说)|[它他她]们?|这[个些种样一]?|那[个些种样一]|其[中他它余]|此|该|上述|前者|后者|呢[?？]?$|同样|另一"
)

Exchange = tuple[str, str]  # a question and the reply to it


def resolve(question: str, history: Sequence[Exchange]) -> Query:
    """The question, and what it leans on of the exchange before it, each with its weight."""
    if not history or not leans(question):
        return (Part(question),)
    asked, answered = history[-1]
    return tuple(
        part
        for part in (
            Part(question),
            Part(asked, HISTORY_WEIGHT, "previous question"),
            Part(answered, HISTORY_WEIGHT, "previous answer"),
        )
        if part.text.strip()
    )


def leans(question: str) -> bool:
    """Whether a question cannot be understood without what was said before it."""
    return (
        not words(question)
        or bool(_POINTS_BACK.search(question))
        or bool(_GOES_ON.search(question.strip()))
        or bool(_GOES_ON_ZH.search(question.strip()))
    )
