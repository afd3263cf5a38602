"""`audiochat jobs`: long work that was begun, to look at and to throw away."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audiochat.cli.options import option
from audiochat.cli.terminal import Terminal

if TYPE_CHECKING:
    from audiochat.jobs.store import JobStore
    from audiochat.jobs.summary import Summary

EXAMPLES = """\
audiochat jobs list
audiochat jobs show talk
audiochat jobs remove talk-1f3a9c2e
"""

jobs = typer.Typer(
    help="List, show and remove jobs: the work of transcribe and narrate.",
    no_args_is_help=False,
    add_completion=False,
    rich_markup_mode=None,
)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The job's name, or a part that no other has.", show_default=False)
]
Where = Annotated[
    str | None,
    option("Output", "--store", metavar="DIR", text="Where the jobs are kept."),
]
AsJson = Annotated[bool, option("Output", "--json", text="Print JSON on stdout.")]


@jobs.command("list")
def list_(context: typer.Context, *, store: Where = None, as_json: AsJson = False) -> None:
    """List the jobs, the latest first: name, status, pieces, when, title."""
    from audiochat.errors import FileError

    screen, job_store = _screen(context, as_json=as_json), _store(store)
    found = []
    for name in job_store.names():
        try:
            found.append(job_store.summary(name))
        except FileError as error:
            screen.error(error)
    if as_json:
        screen.envelope({"version": 1, "command": "jobs list", "status": "ok", "jobs": [_brief(job) for job in found]})
        return
    cells = [
        (job.name, job.status, f"{job.done} of {job.pieces}", _when(job.changed_at), " ".join(job.title.split()))
        for job in found
    ]
    screen.table(("Name", "Status", "Pieces", "Latest", "Title"), cells, empty="No jobs are kept yet.")


@jobs.command()
def show(context: typer.Context, name: Name, *, store: Where = None, as_json: AsJson = False) -> None:
    """Show a job: what is done, what it took, what failed and why."""
    screen, job_store = _screen(context, as_json=as_json), _store(store)
    summary = job_store.summary(job_store.find(name))
    if as_json:
        screen.envelope({"version": 1, "command": "jobs show", "status": "ok", "job": _whole(summary)})
    else:
        screen.transcript(_told(summary))


@jobs.command()
def remove(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="The jobs' names.", show_default=False)],
    *,
    store: Where = None,
    as_json: AsJson = False,
) -> None:
    """Remove jobs and all that is kept of them; files that they wrote stay."""
    screen, job_store = _screen(context, as_json=as_json), _store(store)
    names = list(dict.fromkeys(names))
    for name in names:
        job_store.check(name)
    for name in names:
        job_store.remove(name)
    if as_json:
        screen.envelope({"version": 1, "command": "jobs remove", "status": "ok", "removed": names})


def _screen(context: typer.Context, *, as_json: bool) -> Terminal:
    screen: Terminal = context.obj
    screen.configure(as_json=as_json)
    return screen


def _store(folder: str | None) -> JobStore:
    from audiochat.files import user_path
    from audiochat.jobs.store import JobStore

    return JobStore(None if folder is None else user_path(folder))


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds else "never"


def _brief(summary: Summary) -> dict[str, Any]:
    return {
        "name": summary.name,
        "kind": summary.kind,
        "title": summary.title,
        "status": summary.status,
        "pieces": summary.pieces,
        "done": summary.done,
        "failed": len(summary.failures),
        "seconds": round(summary.weight, 3),
        "usage": asdict(summary.usage),
        "changed_at": round(summary.changed_at, 3),
    }


def _whole(summary: Summary) -> dict[str, Any]:
    return {
        **_brief(summary),
        "folder": str(summary.folder),
        "failures": [{"piece": label, **asdict(why)} for label, why in summary.failures],
        "lost": summary.lost,
        "files": list(summary.files),
        "runs": [{"began": run.began, "ended": run.ended, "outcome": run.outcome} for run in summary.runs],
    }


def _told(summary: Summary) -> str:
    used = summary.usage
    lines = [
        f"{summary.name}  {summary.kind}: {summary.title}",
        f"{summary.status}: {summary.done} of {summary.pieces} pieces; the last run at {_when(summary.changed_at)}",
        f"tokens: {used.input_tokens or 0:,} in, {used.output_tokens or 0:,} out",
    ]
    if summary.status in ("stopped", "partial"):
        lines.append("The command that began it goes on from there.")
    if summary.lost:
        lines.append(f"under way when a run was stopped, and asked for again: {summary.lost}")
    lines += [f"failed: {label}: {why.message}" for label, why in summary.failures]
    lines += [f"wrote: {path}" for path in summary.files]
    lines.append(f"kept in {summary.folder}")
    return "\n".join(lines)
