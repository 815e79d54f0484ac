"""How answers, hits and progress look in a terminal."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from chat.turn import Answer
from corpus.index import Progress as Told
from corpus.post import Skipped
from corpus.search import Hit

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

_STYLE = {"quoted": "bold green", "supported": "green", "own": "", "unsupported": "red underline"}


def print_json(value: object) -> None:
    """One JSON value on a line of standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def print_hits(hits: Sequence[Hit]) -> None:
    """Hits as a list: place, score and text."""
    if not hits:
        out.print("Nothing was found.")
    for place, hit in enumerate(hits, 1):
        where = " › ".join([hit.post, *hit.section])
        out.print(Text(f"{place}. {where}", "bold"), Text(f"{hit.score:.2f}", "dim"))
        out.print(Text(hit.text))
        out.print(Text(", ".join(hit.passages) + "\n", "dim"))


def print_answer(answer: Answer) -> None:
    """A reply with its verdicts, what is not borne out, and its sources."""
    out.print(Text(f"{answer.stance.value} · {answer.model}", "dim"))
    line, at = Text(), 0
    for sentence in answer.sentences:
        line.append(answer.reply[at : sentence.start])
        line.append(sentence.text, _STYLE[sentence.verdict])
        at = sentence.end
    line.append(answer.reply[at:])
    out.print(line)
    out.print()
    for sentence in answer.sentences:
        if sentence.why:
            out.print(Text(f"! {sentence.why}", "red"))
    out.print(Text(count_line(answer), "dim"))
    for entry in answer.passages:
        out.print(Text(f"[{entry.n}] {' › '.join(entry.section)}: {entry.text}", "dim"))


def count_line(answer: Answer) -> str:
    """How many sentences there are of each verdict: `3 sentences: 2 quoted, 1 own`."""
    counts = {v: sum(s.verdict == v for s in answer.sentences) for v in _STYLE}
    total = len(answer.sentences)
    told = ", ".join(f"{n} {verdict}" for verdict, n in counts.items() if n)
    return f"{total} sentence{'s' * (total != 1)}: {told}" + " (interrupted)" * answer.interrupted


def print_skipped(skipped: Sequence[Skipped]) -> None:
    """What could not be read as it should, files with the same reason together."""
    reasons: dict[str, list[str]] = {}
    for item in skipped:
        reasons.setdefault(item.why, []).append(item.file)
    for why, files in reasons.items():
        more = f" and {len(files) - 3} more" if len(files) > 3 else ""
        err.print(f"{', '.join(files[:3])}{more}: {why}", markup=False)


def table(rows: Mapping[str, object]) -> None:
    """Names and values in two columns."""
    drawn = Table(show_header=False, box=None)
    for name, value in rows.items():
        drawn.add_row(Text(name, "dim"), Text(str(value)))
    out.print(drawn)


@contextmanager
def progress() -> Iterator[Told]:
    """A bar on standard error while chunks are embedded; nothing where that is no terminal."""
    columns = (TextColumn("Embedding"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = None

        def told(done: int, total: int) -> None:
            nonlocal task
            if task is None:
                task = bar.add_task("Embedding", total=total)
            bar.update(task, completed=done, total=total)

        yield told
