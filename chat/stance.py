"""The stances that a reply can take."""

from enum import StrEnum

from prompts.template import render


class Stance(StrEnum):
    """What the partner does with the essay in one reply; each has a prompt file of its name."""

    EXPLAIN = "explain"
    DEFEND = "defend"
    CHALLENGE = "challenge"
    EXTEND = "extend"
    QUESTION = "question"

    @property
    def instruction(self) -> str:
        """What the model is told last, in at most 80 words."""
        return render(self.value)
