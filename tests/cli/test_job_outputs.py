"""Where `transcribe` and `narrate` write: pipes, devices, names that are not UTF-8, folders that grow."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import tones
from support.narrators import Narrator
from support.service import Answer, completion

if TYPE_CHECKING:
    from support.command_line import CommandLine
    from support.service import Received, Service

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="there are no such files")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="there is no such device")

BOOK = "# The Fox\n\nIt was not late when the fox came. Nobody had seen it before.\n"


def _hears_or_reads(narrator: Narrator, received: Received) -> Answer:
    if b"input_audio" not in received.body:
        return narrator(received)
    return completion(content=" ".join(tones.understood(tones.sent(received))))


@pytest.fixture
def service(openai: Service) -> Service:
    """A service that hears what it is sent, and reads what it is told to read."""
    narrator = Narrator()
    openai.answer_with(lambda received: _hears_or_reads(narrator, received))
    return openai


def _record(name: str | bytes, seed: int = 0) -> str:
    """Make a recording; what is said in it."""
    recorded = tones.record(tones.sentences(1, seed=seed))
    with open(name, "wb") as file:  # noqa: PTH123 - a name can be bytes
        file.write(recorded.wav)
    return recorded.text


@POSIX
@pytest.mark.parametrize("command", [("transcribe", "a.wav"), ("narrate", "b.md")])
@pytest.mark.parametrize("read", ["read", "read later"])
def test_a_named_pipe_gets_the_whole_and_stays_a_pipe(
    cli: CommandLine, service: Service, command: tuple[str, ...], read: str
) -> None:
    """Its reader gets what a file would hold, also one that comes late: the run says that it waits for it."""
    said = _record("a.wav")
    Path("b.md").write_text(BOOK, encoding="utf-8")
    os.mkfifo("pipe")
    got: list[bytes] = []
    reader = threading.Timer(0 if read == "read" else 3, lambda: got.append(Path("pipe").read_bytes()))
    reader.daemon = True
    reader.start()
    ran = cli(*command, "-o", "pipe", "--json")
    reader.join(30)
    assert service.requests != []
    assert (ran.code, Path("pipe").is_fifo(), len(got)) == (0, True, 1)
    assert ("waiting for its reader" in ran.err) == (read != "read")
    if command[0] == "transcribe":
        assert got[0].decode().split() == said.split()
    else:
        assert got[0][4:8] == b"ftyp"
        assert json.loads(ran.out)["audio"]["bytes"] == len(got[0])


@LINUX
@pytest.mark.parametrize("command", [("transcribe", "a.wav"), ("narrate", "b.md")])
def test_a_device_takes_what_is_written_and_is_not_replaced(
    cli: CommandLine, service: Service, command: tuple[str, ...]
) -> None:
    """One without room ends the run with 6 and its own reason.

    It is a link of the test's own: where this fails, a test that root runs must not replace the system's device.
    """
    _record("a.wav")
    Path("b.md").write_text(BOOK, encoding="utf-8")
    for name, code in (("null", 0), ("full", 6)):
        Path(name).symlink_to(f"/dev/{name}")
        ran = cli(*command, "-o", name)
        assert (ran.code, Path(name).is_symlink()) == (code, True)
    assert "No space left on device" in ran.err
    assert service.requests != []


@POSIX
def test_a_pipe_in_the_place_of_an_output_that_was_not_named(cli: CommandLine, service: Service) -> None:
    """It is none of the job's files, and its end is not waited for: exit 6 before anything is asked."""
    _record("a.wav")
    Path("out").mkdir()
    os.mkfifo("out/a.txt")
    assert cli("transcribe", "a.wav", "-o", "out/").code == 6
    assert service.requests == []


@LINUX
def test_a_name_that_is_not_utf8_is_a_name(cli: CommandLine, service: Service) -> None:
    """Of a recording, alone and in a folder, and of a book: the output has it, too, and later runs ask no more."""
    recording, book = os.fsdecode(b"u\xff.wav"), os.fsdecode(b"b\xff.md")
    Path("in").mkdir()
    said = _record(f"in/{recording}")
    Path(book).write_text(BOOK, encoding="utf-8")
    assert cli("transcribe", f"in/{recording}").out.decode().split() == said.split()
    for _ in range(2):
        assert cli("transcribe", "in", "-o", "out/", "--json").code == 0
        assert cli("narrate", book, "--json").code == 0
    assert (Path("out") / os.fsdecode(b"u\xff.txt")).read_text(encoding="utf-8").split() == said.split()
    assert Path(os.fsdecode(b"b\xff.m4b")).exists()
    asked = len(service.requests)
    assert cli("narrate", book, "--split", "-o", "chapters/").code == 0
    kept = json.loads(cli("jobs", "list", "--json").out)["jobs"]
    assert [cli("jobs", "show", job["name"]).code for job in kept] == [0, 0]
    assert len(service.requests) == asked


@POSIX
def test_a_link_that_leads_to_itself_cannot_be_read(cli: CommandLine, service: Service) -> None:
    """Exit 6 with the system's reason, as analyze says it; beside others it is the only one that is missing."""
    said = _record("a.wav")
    Path("loop.wav").symlink_to("loop.wav")
    ran = cli("transcribe", "loop.wav")
    assert (ran.code, "Too many levels of symbolic links" in ran.err, service.requests) == (6, True, [])
    assert cli("analyze", "loop.wav").code == 6
    assert cli("transcribe", "a.wav", "loop.wav", "-o", "out/").code == 6
    assert Path("out/a.txt").read_text(encoding="utf-8").split() == said.split()


def test_stdin_beside_files_is_a_recording_of_its_own(cli: CommandLine, service: Service) -> None:
    """Also beside a file that is called so; a file that is named twice is one."""
    said, other = _record("stdin"), _record("a.wav", seed=5)
    ran = cli("transcribe", "./a.wav", "a.wav", "-", "-o", "out/", stdin=Path("stdin").read_bytes())
    assert (ran.code, sorted(path.name for path in Path("out").iterdir())) == (0, ["a.txt", "stdin.txt"])
    assert Path("out/stdin.txt").read_text(encoding="utf-8").split() == said.split()
    assert Path("out/a.txt").read_text(encoding="utf-8").split() == other.split()
    refused = cli("transcribe", "stdin", "-", "-o", "out/", stdin=Path("a.wav").read_bytes())
    assert (refused.code, "would both be written" in refused.err) == (2, True)
    assert len(service.requests) == 2


def test_a_folder_that_grows_is_transcribed_again(cli: CommandLine, service: Service) -> None:
    """The same command asks for what is new alone, and replaces what it wrote before; what was changed since stays."""
    Path("grow").mkdir()
    first = _record("grow/one.wav")
    assert cli("transcribe", "grow", "-o", "out/").code == 0
    second = _record("grow/two.wav", seed=5)
    assert (cli("transcribe", "grow", "-o", "out/").code, len(service.requests)) == (0, 2)
    for name, said in (("one", first), ("two", second)):
        assert Path(f"out/{name}.txt").read_text(encoding="utf-8").split() == said.split()
    assert cli("transcribe", "grow/two.wav", "-o", "out/").code == 0
    Path("out/one.txt").write_text("mended by hand", encoding="utf-8")
    _record("grow/three.wav", seed=6)
    assert (cli("transcribe", "grow", "-o", "out/").code, len(service.requests)) == (6, 2)
    assert Path("out/one.txt").read_text(encoding="utf-8") == "mended by hand"


def test_another_recording_of_the_same_name_replaces_nothing(cli: CommandLine, service: Service) -> None:
    """What a job made from one recording is not overwritten with the words of another one."""
    for folder, seed in (("a", 1), ("b", 5)):
        Path(folder).mkdir()
        said = _record(f"{folder}/talk.wav", seed)
    assert cli("transcribe", "b", "-o", "out/").code == 0
    assert (cli("transcribe", "a", "-o", "out/").code, len(service.requests)) == (6, 1)
    assert Path("out/talk.txt").read_text(encoding="utf-8").split() == said.split()
