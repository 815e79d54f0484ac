"""The command. An error is one line on standard error and exit status 1."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from chat.discussion import Room, reply
from chat.model import Model
from chat.models import choose
from chat.stance import Stance
from chat.turn import Answer, Answered, Discussion, Notice, hit_json, query_json
from corpus.embedding import SentenceEmbedder
from corpus.errors import RejoinderError
from corpus.index import Index, collection_name
from corpus.search import Part
from corpus.settings import Settings, read_settings
from corpus.shelf import Shelf

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

Json = Annotated[
    bool, typer.Option("--json", help="Print JSON, one value a line, and nothing else.")
]
Posts = Annotated[
    Path | None, typer.Option(help="Folder of Markdown posts (else REJOINDER_POSTS).")
]
Scope = Annotated[str, typer.Option(help="SLUG, SLUG#SECTION or SLUG@HEX.")]
Taken = Annotated[Stance, typer.Option(help="What to do with the essay.")]
Named = Annotated[str, typer.Option("--model", help="auto, stub, ollama:NAME or openai:NAME.")]


def main() -> None:
    """Run the command; what the program can explain is one line and exit status 1."""
    try:
        app()
    except RejoinderError as error:
        sys.stderr.write(f"rejoinder: {error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has gone
        sys.stderr.close()


def open_shelf(settings: Settings) -> Shelf:
    """The posts and their index, as set; nothing is indexed yet."""
    embedder = SentenceEmbedder(settings.embedder)
    corpus = settings.corpus or str(settings.posts.resolve())
    name = collection_name(embedder.name, corpus)
    return Shelf(settings.posts, Index(name, embedder, home=settings.home, url=settings.chroma_url))


def _indexed(settings: Settings) -> Shelf:
    """The shelf in step with the posts, as every command that searches begins."""
    from chat.terminal import err, print_skipped, progress

    shelf = open_shelf(settings)
    print_skipped(shelf.library.skipped)
    with progress() as told:
        report = shelf.update(told, write=not settings.chroma_url)
    if settings.chroma_url and not report.chunks:
        err.print("The shared index holds nothing of these posts yet. Type: rejoinder index")
    if report.busy:
        err.print("Another process is indexing these posts; what is found is as of its last run.")
    return shelf


@app.callback(invoke_without_command=True)
def serve(context: typer.Context, posts: Posts = None) -> None:
    """Discuss essays with a language model that runs on your own machine.

    Without a command: serve the page, and index what changed beside it.
    """
    if context.invoked_subcommand is None:
        from chat.page import serve as serve_page

        settings = read_settings(posts=posts)
        serve_page(open_shelf(settings), settings)


@app.command()
def index(posts: Posts = None, json: Json = False) -> None:
    """Bring the index in step with the posts."""
    from chat.terminal import print_json, print_skipped, progress, table

    shelf = open_shelf(read_settings(posts=posts))
    with progress() as told:
        report = shelf.update(told, wait=True)
    skipped = shelf.library.skipped
    counts = {
        name: getattr(report, name) for name in ("posts", "passages", "chunks", "added", "deleted")
    }
    seconds = round(report.seconds, 2)
    if json:
        told_skipped = [{"file": s.file, "why": s.why} for s in skipped]
        print_json({**counts, "skipped": told_skipped, "seconds": seconds})
    else:
        print_skipped(skipped)
        table({**counts, "seconds": seconds})


@app.command()
def search(
    question: str,
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many hits.")] = 5,
    scope: Scope = "",
    posts: Posts = None,
    json: Json = False,
) -> None:
    """Find the chunks that answer a question."""
    from chat.terminal import print_hits, print_json

    query = (Part(_said(question)),)
    hits = _indexed(read_settings(posts=posts)).search(query, scope, k)
    if json:
        print_json({"query": query_json(query), "hits": [hit_json(hit) for hit in hits]})
    else:
        print_hits(hits)


@app.command()
def ask(
    question: str,
    stance: Taken = Stance.EXPLAIN,
    scope: Scope = "",
    model: Named = "",
    posts: Posts = None,
    json: Json = False,
) -> None:
    """Ask one question and print the checked reply."""
    from chat.terminal import err, print_answer, print_json

    settings = read_settings(posts=posts)
    choice = choose(settings, model)
    if choice.notice:
        err.print(choice.notice, markup=False)
    room = _room(_indexed(settings), settings, choice.model)
    _, answer = _answered(Discussion(), _said(question), stance, scope, room)
    print_json(answer.as_json()) if json else print_answer(answer)


@app.command()
def chat(
    stance: Taken = Stance.EXPLAIN,
    scope: Scope = "",
    model: Named = "",
    posts: Posts = None,
    json: Json = False,
) -> None:
    """Discuss in the terminal: a question a line; with --json a reply object a line."""
    from chat.terminal import err, out, print_answer, print_json

    settings = read_settings(posts=posts)
    choice = choose(settings, model)
    if choice.notice:
        err.print(choice.notice, markup=False)
    room = _room(_indexed(settings), settings, choice.model)
    discussion = Discussion()
    asks = sys.stdin.isatty() and not json
    while True:
        if asks:
            out.print(f"[bold]{stance.value}[/bold]> ", end="")
        line = sys.stdin.readline()
        if not line:
            return
        if not line.strip():
            continue
        try:
            discussion, answer = _answered(discussion, line, stance, scope, room)
        except RejoinderError as error:  # the next question may work
            err.print(f"rejoinder: {error}", markup=False)
            if json:
                print_json({"question": line.strip(), "error": str(error)})
            continue
        print_json(answer.as_json()) if json else print_answer(answer)


@app.command()
def check(file: Path, json: Json = False) -> None:
    """Verdicts for given replies and passages, a JSON object a line."""
    from chat.measure import check as checked
    from chat.measure import records
    from chat.terminal import out, print_json

    for row in records(file, ["id", "reply", "passages"]):
        result = checked(row)
        if json:
            print_json(result)
            continue
        out.print(f"{result['id']}  support {result['score']}", markup=False)
        for sentence in result["sentences"]:  # type: ignore[attr-defined]
            why = f"  ({sentence['why']})" if sentence["why"] else ""
            out.print(f"  {sentence['verdict']:<11} {sentence['text']}{why}", markup=False)


@app.command(name="eval")
def evaluate(file: Path, posts: Posts = None, json: Json = False) -> None:
    """Measure retrieval on questions, a JSON object a line."""
    from chat.measure import evaluate as measured
    from chat.measure import questions
    from chat.terminal import print_json, table

    asked = questions(file)
    shelf = _indexed(read_settings(posts=posts))
    shelf.embedder.encode(["warm"])
    figures = measured(asked, shelf.search, shelf.library)
    print_json(figures) if json else table(figures)


@app.command()
def doctor(json: Json = False) -> None:
    """What is there, what is missing, what to type. Exit 1 if no real model can answer."""
    from chat.doctor import examine
    from chat.terminal import out, print_json

    findings = examine(read_settings())
    if json:
        print_json([finding.as_json() for finding in findings])
    else:
        for finding in findings:
            mark = "[green]ok  [/green]" if finding.ok else "[red]miss[/red]"
            out.print(mark, end=" ")
            out.print(
                f"{finding.what}: {finding.said}" + f"\n     {finding.mend}" * (not finding.ok),
                markup=False,
            )
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _room(shelf: Shelf, settings: Settings, model: Model) -> Room:
    search = shelf.current()
    return Room(search.library, search, model, settings.timeout)


def _said(question: str) -> str:
    if not question.strip():
        raise typer.BadParameter("the question is empty")
    return question


def _answered(
    discussion: Discussion, question: str, stance: Stance, scope: str, room: Room
) -> tuple[Discussion, Answer]:
    """One turn to its end; what is told on the way goes to standard error."""
    from chat.terminal import err

    for event in reply(discussion, question, stance, room=room, scope=scope):
        if isinstance(event, Notice):
            err.print(event.text, markup=False)
        elif isinstance(event, Answered):
            return event.discussion, event.answer
    raise RejoinderError("The reply was stopped before its first word. Ask again.")


if __name__ == "__main__":
    main()
