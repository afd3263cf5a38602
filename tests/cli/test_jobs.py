"""`audiochat jobs`, and what a job that was stopped tells."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import tones
from support.narrators import Narrator
from support.service import Answer, completion

from audiochat.audio import wav

if TYPE_CHECKING:
    from support.command_line import CommandLine
    from support.service import Received, Service


def _writes_down(received: Received) -> Answer:
    return completion(content=" ".join(tones.understood(tones.sent(received))))


@pytest.fixture
def listening(openai: Service) -> Service:
    """A service that hears what it is sent."""
    openai.answer_with(_writes_down)
    return openai


def _record(*names: str) -> None:
    for number, name in enumerate(names):
        Path(name).write_bytes(tones.record(tones.sentences(3, seed=number)).wav)


def test_no_jobs_are_no_riddle(cli: CommandLine) -> None:
    """A note on stderr; nothing on stdout, which is data; an empty list as JSON."""
    ran = cli("jobs", "list")
    assert (ran.code, ran.out, ran.err.strip()) == (0, b"", "No jobs are kept yet.")
    assert json.loads(cli("jobs", "list", "--json").out)["jobs"] == []


def test_a_job_is_found_by_a_part_of_its_name(cli: CommandLine, listening: Service) -> None:
    """Where no other has it; else those that have it are named."""
    _record("monday.wav", "tuesday.wav")
    assert cli("transcribe", "monday.wav").code == cli("transcribe", "tuesday.wav").code == 0
    ran = cli("jobs", "show", "Mon", "--json")
    name = json.loads(ran.out)["job"]["name"]
    assert (ran.code, name.startswith("monday-")) == (0, True)
    both = cli("jobs", "show", "day")
    assert both.code == 2
    assert name in both.err
    assert "tuesday-" in both.err
    assert cli("jobs", "show", "friday").code == 2
    assert len(listening.requests) == 2


def test_jobs_are_removed_by_their_whole_names_or_not_at_all(cli: CommandLine, listening: Service) -> None:
    """One name that is wrong, and none of the others goes."""
    _record("monday.wav")
    assert cli("transcribe", "monday.wav").code == 0
    (job,) = json.loads(cli("jobs", "list", "--json").out)["jobs"]
    assert cli("jobs", "remove", job["name"], "mon").code == 2
    ran = cli("jobs", "remove", job["name"], "--json")
    assert (ran.code, json.loads(ran.out)["removed"]) == (0, [job["name"]])
    assert len(listening.requests) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT for others")
@pytest.mark.parametrize("command", ["transcribe", "narrate"])
def test_a_run_that_is_stopped_tells_how_far_it_came(cli: CommandLine, openai: Service, command: str) -> None:
    """Of all pieces, not of those that were begun; and `jobs list` says the same."""
    talk = tones.record(tones.sentences(36))
    Path("talk.wav").write_bytes(talk.wav)
    Path("book.md").write_text("\n\n".join(f"# Part {n}\n\nThe {n}th door was open." for n in range(9)))
    third = threading.Event()
    spoken = tones.record(tones.sentences(1)).wav

    def answer(received: Received) -> Answer:
        if len(openai.requests) > 2:
            third.set()
            return Answer(hold=30)
        return (
            _writes_down(received)
            if command == "transcribe"
            else completion(received.json["messages"][-1]["content"], spoken)
        )

    openai.answer_with(answer)
    arguments = ["talk.wav", "--piece", "20"] if command == "transcribe" else ["book.md", "--check", "words"]
    stopped = subprocess.Popen(
        [sys.executable, "-m", "audiochat", command, *arguments, "-j", "1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert third.wait(30)
    stopped.send_signal(signal.SIGINT)
    _, told = stopped.communicate(timeout=30)
    (job,) = json.loads(cli("jobs", "list", "--json").out)["jobs"]
    assert (stopped.returncode, job["status"], job["done"]) == (130, "stopped", 2)
    assert job["pieces"] > 5
    goes_on = f"Stopped: 2 of {job['pieces']} planned pieces are done; the same command goes on from there."
    assert told.decode().splitlines()[-2:] == [goes_on, "Interrupted."]
    shown = cli("jobs", "show", job["name"]).out.decode()
    assert "The command that began it goes on from there." in shown
    assert "under way when a run was stopped, and asked for again: 1" in shown


@pytest.mark.parametrize(
    ("output", "code"), [("talk.mp3", 2), ("talk.docx", 2), ("talk.md", 0), ("talk", 0), ("talk.SRT", 0)]
)
def test_a_suffix_that_is_no_transcripts_is_refused(
    cli: CommandLine, listening: Service, output: str, code: int
) -> None:
    """Before anything is asked; -f says that it is meant."""
    _record("monday.wav")
    ran = cli("transcribe", "monday.wav", "-o", output)
    assert (ran.code, Path(output).exists(), len(listening.requests)) == (code, code == 0, 1 if code == 0 else 0)
    assert cli("transcribe", "monday.wav", "-o", "talk.mp3", "-f", "txt").code == 0


@pytest.mark.parametrize("command", ["transcribe", "narrate"])
def test_what_is_refused_before_it_begins_leaves_no_job(cli: CommandLine, openai: Service, command: str) -> None:
    """A file of somebody else's is in the way: nothing was asked, nothing is listed."""
    Path("talk.md").write_text("Words to read aloud are here.", encoding="utf-8")
    Path("talk.wav").write_bytes(wav.wrap(bytes(48_000)))
    Path("talk.m4b").write_text("mine", encoding="utf-8")
    Path("other.wav").write_bytes(wav.wrap(bytes(48_000)))
    Path("other.txt").write_text("mine", encoding="utf-8")
    names = ["talk.md"] if command == "narrate" else ["talk.wav", "other.wav"]
    assert cli(command, *names).code == 6
    assert openai.requests == []
    assert json.loads(cli("jobs", "list", "--json").out)["jobs"] == []


def test_an_address_is_fetched_for_the_command_that_got_it(cli: CommandLine) -> None:
    """The pipe that helps ends in the same command."""
    for command in ("transcribe", "narrate"):
        assert f"| audiochat {command} -" in cli(command, "https://example.org/x.epub").err


def test_prices_without_the_model_are_told(cli: CommandLine, openai: Service) -> None:
    """Who has set prices and sees none would look for the mistake elsewhere."""
    Path("talk.md").write_text("Words to read aloud are here.", encoding="utf-8")
    prices = {"AUDIOCHAT_PRICES": '{"gpt-other": {"input": 1}}'}
    ran = cli("narrate", "talk.md", "--dry-run", env=prices)
    assert (ran.code, openai.requests) == (0, [])
    assert "AUDIOCHAT_PRICES has no price for" in ran.err


def test_pieces_that_were_not_asked_for_are_counted_and_not_recited(cli: CommandLine, openai: Service) -> None:
    """A run that ends at its limit tells how many are left; their texts are in the book."""
    Path("talk.txt").write_text("\n\n".join(f"This is paragraph {n} of it. " * 12 for n in range(9)), encoding="utf-8")
    openai.answer_with(Narrator())
    ran = cli("narrate", "talk.txt", "--max-tokens", "1")
    assert ran.code == 5
    assert "pieces were not asked for" in ran.err
    assert "written:" not in ran.err
