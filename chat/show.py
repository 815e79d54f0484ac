"""Turns as safe HTML: the question, the reply with its verdicts and links, the sources."""

import html
import re
from collections.abc import Sequence

from markdown_it import MarkdownIt

from chat.reader import anchor, clean
from chat.stance import Stance
from chat.terminal import count_line
from chat.turn import Answer, Discussion
from chat.verdict import Sentence

_CLASS = {"quoted": "q", "supported": "s", "own": "o", "unsupported": "u"}
_SAID = {
    "quoted": "quoted from the essay",
    "supported": "supported by the essay",
    "own": "the model's own",
    "unsupported": "not borne out by the passages",
}
# Private-use characters carry what is ours through the Markdown parser and the sanitizer.
_OPEN, _CLOSE, _LINK, _END = "\ue000", "\ue001", "\ue002", "\ue003"
_WHOLE = re.compile(r"```|~~~|^\s*\|", re.MULTILINE)
_CODE = re.compile(r"(`+[^`]+`+)")
_PRIVATE = re.compile(f"[{_OPEN}-{_END}]")
_LEAD = re.compile(r"\s*(?:(?:[-*+]|\d{1,3}[.)]|#{1,6}|>)\s+)*")
_MARKER = re.compile(r"[ \t]?\[(\d{1,4})\]")


def turns(discussion: Discussion) -> str:
    """All turns of a discussion that are over."""
    return "".join(
        f"{question(turn.answer.question)}{reply(turn.answer)}" for turn in discussion.turns
    )


def question(text: str) -> str:
    """What the reader asked."""
    return f'<div class="user">{_lines(text)}</div>'


def live(asked: str, stance: Stance, text: str, status: str) -> str:
    """A turn under way: plain text, since its nodes are replaced all the time."""
    return (
        f'{question(asked)}<div class="bot"><div class="tag">{stance.value}</div>'
        f'<div class="plain">{_lines(text)}<span class="caret" aria-hidden="true">▍</span></div>'
        f'<div class="count" role="status">{html.escape(status)}</div></div>'
    )


def failed(asked: str, stance: Stance, error: str) -> str:
    """A turn that ended without a reply, and what to do."""
    return (
        f'{question(asked)}<div class="bot"><div class="tag">{stance.value}</div>'
        f'<div class="why" role="alert">{html.escape(error)}</div></div>'
    )


def reply(answer: Answer) -> str:
    """A finished reply: verdicts, links, what is not borne out, the count, the sources."""
    notes = "".join(
        f'<div class="why">{html.escape(_note(s))}</div>' for s in answer.sentences if s.why
    )
    notices = "".join(f'<div class="notice">{html.escape(n)}</div>' for n in answer.notices)
    cut = (
        '<div class="notice">Interrupted: this is as far as it came.</div>'
        if answer.interrupted
        else ""
    )
    return (
        f'<div class="bot"><div class="tag">{answer.stance.value}'
        f'<span class="by"> · {html.escape(answer.model)}</span></div>'
        f'<div class="reply">{_body(answer)}</div>{notes}{cut}{notices}'
        f'<div class="count">{html.escape(count_line(answer))}</div>{_sources(answer)}</div>'
    )


def _note(sentence: Sentence) -> str:
    lead = "Not borne out: " if sentence.verdict == "unsupported" else "Note: "
    return f"{lead}{sentence.why}."


def _body(answer: Answer) -> str:
    """The reply as Markdown, each sentence in a span of its verdict, each marker a link.

    Subtle: a sentence's span begins behind a list's or heading's mark, or it would no
    longer be one; where spans and emphasis cross, the sanitizer puts them in order.
    """
    text, at, said = [], 0, answer.reply
    for number, sentence in enumerate(answer.sentences):
        if _WHOLE.search(sentence.text):  # a span would break a fence or a table
            continue
        lead = _LEAD.match(said, sentence.start)
        start = lead.end() if lead and lead.end() < sentence.end else sentence.start
        text += [_plain(said[at:start]), f"{_OPEN}{number}{_END}"]
        text += [_marked(said[start : sentence.end]), _CLOSE]
        at = sentence.end
    markup = clean(_MARKDOWN.render("".join(text) + _plain(said[at:])))
    ids = {entry.n: entry.id for entry in answer.passages}
    markup = re.sub(
        f"{_OPEN}(\\d+){_END}",
        lambda m: _opening(answer.sentences[int(m[1])]),
        markup.replace(_CLOSE, "</span>"),
    )
    return re.sub(f"{_LINK}(\\d+){_END}", lambda m: _link(int(m[1]), ids), markup)


def _plain(text: str) -> str:
    return _PRIVATE.sub("", text)


def _marked(text: str) -> str:
    parts = _CODE.split(_plain(text))  # what is code stays as it is
    parts[::2] = [_MARKER.sub(lambda m: f"{_LINK}{m[1]}{_END}", part) for part in parts[::2]]
    return "".join(parts)


def _opening(sentence: Sentence) -> str:
    said = _SAID[sentence.verdict]
    return (
        f'<span class="{_CLASS[sentence.verdict]}" title="{said}"><span class="sr">({said}) </span>'
        if (sentence.verdict != "own")
        else '<span class="o">'
    )


def _link(n: int, ids: dict[int, str]) -> str:
    if n not in ids:
        return f"[{n}]"
    return f'<a class="cite" href="{html.escape(anchor(ids[n]))}" aria-label="passage {n}">{n}</a>'


def _sources(answer: Answer) -> str:
    cited = {n for s in answer.sentences for n in (*s.marked, *s.found)}
    chips = "".join(
        f'<a class="chip cite-chip" href="{html.escape(anchor(e.id))}" title="{html.escape(e.text)}">'
        f"{e.n} · {html.escape(e.section[-1] if e.section else e.post)}</a>"
        for e in answer.passages
        if e.n in cited
    )
    return f'<div class="src" aria-label="sources">{chips}</div>' if chips else ""


def _lines(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")


def status(model: str, window: int, index: str) -> str:
    """The line that says which model answers and how the index stands."""
    off = " off" * (model in ("stub", "no model"))
    return f'<span class="chip"><span class="dot{off}"></span>{html.escape(model)} · {window // 1024}k</span><span class="soft">{html.escape(index)}</span>'


def scope_label(place: str, headings: Sequence[str], text: str) -> str:
    """What the scope's label says: the section's heading, or the passage's first words."""
    if "@" in place:
        return "“" + (text if len(text) <= 36 else text[:35].rstrip() + "…") + "”"
    return headings[-1] if headings else place


_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def banner(said: str) -> str:
    """A notice above the discussion; nothing where there is nothing to say."""
    return f'<div class="banner" role="status">{html.escape(said)}</div>' if said else ""


def welcome(questions: Sequence[str]) -> str:
    """What stands where no turn does: what this is, and questions to begin with."""
    chips = "".join(
        f'<button type="button" class="starter" data-ask="{html.escape(q)}">{html.escape(q)}</button>'
        for q in questions
    )
    return (
        '<div class="welcome"><p>Discuss the essay: ask, object, or pick a passage. In a reply '
        '<span class="q">firm underlines</span> hold words quoted from it, <span class="s">fine ones</span> '
        'supported by it, <span class="u">wavy ones</span> not borne out, and plain words are the '
        f"model's own.</p>{'<p>The essay itself asks:</p>' if chips else ''}{chips}</div>"
    )
