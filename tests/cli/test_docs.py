"""README and the pages of docs: their commands run, their links lead somewhere, what is generated is up to date."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from support.command_line import CANARY
from support.service import PCM, completion, sound_events, stream

from audiochat.audio import wav

if TYPE_CHECKING:
    from support.command_line import CommandLine
    from support.service import Answer, Received, Service

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
WAV = wav.wrap(PCM * 10)

_BLOCK = re.compile(r"(?:<!-- not run: (?P<why>[^>]+) -->\n)?```sh\n(?P<text>.*?)```", re.DOTALL)
_ENGINE = re.compile(r"audiochat (transcribe|narrate|jobs|voices)|--provider local|--preview")
_NOT_OURS = ("apt", "curl", "docker", "ffplay", "make", "pip", "pipx", "uv")
"""Programs of others, which the blocks call: they take what they are given, and end."""


_SERVES = re.compile(r"audiochat (serve|playground)\b|127\.0\.0\.1:8642")
"""What needs a server that goes on: tests/web has it."""


_AUDIOCHAT = """\
case "$1 $*" in
    *" -t "*) exec {python} -m audiochat "$@" ;;
    converse*) echo "Hello." | {python} -m audiochat "$@" ;;  # somebody types
    doctor*) {python} -m audiochat "$@" || [ $? = 3 ] ;;  # not all is configured here
    *) exec {python} -m audiochat "$@" ;;
esac"""


class Block(NamedTuple):
    """Commands on a page."""

    page: str
    text: str


def _blocks(*, engine: bool) -> list[Block]:
    found = []
    for page in PAGES:
        for block in _BLOCK.finditer(page.read_text(encoding="utf-8")):
            lines = block["text"].splitlines(keepends=True)
            if page.name == "commands.md":  # a command a line
                lines = [line for line in lines if not _SERVES.search(line)]
            text = "" if _SERVES.search("".join(lines)) else "".join(lines)
            if engine and page.name == "commands.md":  # their options are compared with the help, in test_help
                continue
            if block["why"] is None and text.strip() and bool(_ENGINE.search(text)) == engine:
                found.append(Block(page.relative_to(ROOT).as_posix(), text))
    return found


def _name(block: Block) -> str:
    return f"{block.page}: {block.text.splitlines()[0][:40]}"


@pytest.fixture
def desk(tmp_path: Path, dog: Path) -> Path:
    """A working directory with what the blocks name, and the programs that they call; the folder of those."""
    for name in ("second.wav", "talk.wav", "memo.m4a", "meeting.m4a", "talk.m4a", "recordings/one.wav"):
        Path(name).parent.mkdir(exist_ok=True)
        shutil.copy(dog, name)
    Path("book.md").write_text("# One\n\nThe dog barked.\n\n# Two\n\nThe cat slept.\n")
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(
        ["git", "-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "-q", "--allow-empty", "-m", "Begin"],
        check=True,
    )
    programs = tmp_path / "programs"
    programs.mkdir()
    Path(os.environ["XDG_CONFIG_HOME"], "fish", "completions").mkdir(parents=True)
    (Path.home() / ".config" / "fish" / "completions").mkdir(parents=True)
    _program(programs / "audiochat", _AUDIOCHAT.format(python=sys.executable))
    _program(programs / "curl", f"cat {dog.resolve()}")
    for name in set(_NOT_OURS) - {"curl"}:
        _program(programs / name, "[ -t 0 ] || cat > /dev/null")
    return programs


def _program(path: Path, does: str) -> None:
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o755)


def _run(block: Block, programs: Path, **variables: str) -> None:
    env = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "SHELL": "/bin/bash", **variables}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.text],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=env,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "A bug in audiochat" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="the blocks are for a Unix shell")
@pytest.mark.parametrize("block", _blocks(engine=False), ids=_name)
@pytest.mark.usefixtures("az")
def test_the_commands_of_a_page_run(block: Block, desk: Path, service: Service, cli: CommandLine) -> None:
    """Pasted as they are, but for the address of the service, which is the scripted one here."""

    def answer(received: Received) -> Answer:
        asked = received.json["messages"][-1]["content"]
        read_aloud = received.json["messages"][0]["role"] == "system" and isinstance(asked, str)
        words = asked if read_aloud else "It is a dog."
        if received.json.get("stream"):
            return stream(sound_events(PCM, [words]))
        spoken = "audio" in received.json["modalities"]
        return completion(audio=WAV, transcript=words) if spoken else completion(content=words)

    service.answer_with(answer)
    address = re.sub(r"https?://[\w.{}<>-]+(:\d+)?(/v1)?(?=[\s'\"/]|$)", service.url.removesuffix("/v1"), block.text)
    text = re.sub(r"^((export )?OPENAI_BASE_URL=).*?(?=\s|$)", rf"\g<1>{service.url}", address, flags=re.MULTILINE)
    text = re.sub("sk-YOUR-KEY|YOUR-SUBSCRIPTION-KEY", CANARY, text)
    variables = {"OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": service.url}
    for name in ([], ["--session", "evening"]) if "sessions" in text or "--continue" in text else ():
        for _ in range(1 if name else 2):
            assert cli("converse", *name, "-t", "Hi", "--text-only", env=variables).code == 0
    _run(Block(block.page, text), desk, PROFILE="profile", **variables)


@pytest.mark.engine
@pytest.mark.skipif(sys.platform == "win32", reason="the blocks are for a Unix shell")
@pytest.mark.parametrize("block", _blocks(engine=True), ids=_name)
@pytest.mark.usefixtures("engine")
def test_the_commands_of_a_page_run_on_the_engine(block: Block, desk: Path, cli: CommandLine) -> None:
    """Pasted as they are; what is transcribed was spoken by the engine."""
    assert cli("speak", "Say: the meeting begins at nine.", "-o", "spoken.wav").code == 0
    for name in ("meeting.m4a", "talk.m4a", "recordings/one.wav", "dog.wav"):
        shutil.copy("spoken.wav", name)
    _run(block, desk)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Those to files of this repository."""
    for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", link) and "{" not in link:
            assert (page.parent / link).exists(), link


def test_what_is_generated_is_up_to_date(tmp_path: Path) -> None:
    """`python docs/generate.py` would change neither the manual pages nor the reference of commands."""
    script = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert script is not None
    assert script.loader is not None
    generate = importlib.util.module_from_spec(script)
    script.loader.exec_module(generate)
    generate.write(tmp_path)
    made = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    kept = {path: (ROOT / "docs" / path).read_text() for path in made}
    manuals = {path.name for path in (ROOT / "docs" / "man").glob("*.1")}
    assert made == kept, "run: python docs/generate.py"
    assert manuals == {path.name for path in made if path.suffix == ".1"}


@pytest.mark.parametrize(
    "arguments", [("speak", "hi"), ("analyze", "dog.wav"), ("converse", "-t", "hi", "-t", "there", "-o", "out/")]
)
@pytest.mark.parametrize("fails", [False, True])
def test_envelopes_follow_their_schema(
    cli: CommandLine, openai: Service, dog: Path, arguments: tuple[str, ...], *, fails: bool
) -> None:
    """An answer's, and an error's."""
    from jsonschema import Draft202012Validator
    from support.service import error

    assert dog.exists()
    schema = json.loads((ROOT / "docs" / "reference" / "envelope.schema.json").read_text())
    openai.answer_with(lambda _: error(400, "content_filter", "No.") if fails else completion(audio=WAV))
    lines = cli(*arguments, "--json").out.decode().splitlines()
    assert lines
    for line in lines:
        Draft202012Validator(schema).validate(json.loads(line))
