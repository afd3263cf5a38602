"""`audiochat converse` and its sessions, in a pipe."""

from __future__ import annotations

import base64
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.service import PCM, Answer, Service, completion, error

from audiochat.audio import codec, wav

if TYPE_CHECKING:
    from support.command_line import CommandLine

WAV = wav.wrap(PCM)
DESCRIBE = "Describe in detail the spoken audio input."
SUMMARIZE = "Very briefly, summarize the favorability."
LATER = int(time.time()) + 3600


def spoken(transcript: str, *, id_: str = "audio_1", expires_at: int = LATER) -> Answer:
    """A spoken answer with its own id."""
    body = json.loads(completion(transcript, WAV).body)
    body["choices"][0]["message"]["audio"].update(id=id_, expires_at=expires_at)
    return Answer(json.dumps(body).encode())


@pytest.fixture
def sessions(home: Path) -> Path:
    """The folder of sessions."""
    return home / "data" / "audiochat" / "sessions"


def _user(message: dict[str, Any]) -> tuple[str | None, list[bytes]]:
    """The words and the recordings of a user's message."""
    content = message["content"]
    if isinstance(content, str):
        return content, []
    texts = [part["text"] for part in content if part["type"] == "text"]
    data = [base64.b64decode(part["input_audio"]["data"]) for part in content if part["type"] == "input_audio"]
    return (texts[0] if texts else None), data


def test_the_quickstarts_two_turns(cli: CommandLine, azure: Service, dog: Path) -> None:
    """The second request holds the first turn with its audio, the answer by its id, and the new text."""
    azure.answer(spoken("A dog is praised.", id_="audio_1"), spoken("Favorable.", id_="audio_2"))
    ran = cli("converse", str(dog), "-t", DESCRIBE, "-t", SUMMARIZE)
    assert (ran.code, ran.out) == (0, b"A dog is praised.\nFavorable.\n")
    recording = {"data": base64.b64encode(WAV).decode(), "format": "wav"}
    first = {
        "role": "user",
        "content": [{"type": "text", "text": DESCRIBE}, {"type": "input_audio", "input_audio": recording}],
    }
    assert azure.requests[0].json["messages"] == [first]
    assert azure.requests[1].json["messages"] == [
        first,
        {"role": "assistant", "audio": {"id": "audio_1"}},
        {"role": "user", "content": SUMMARIZE},
    ]
    assert azure.requests[1].json["modalities"] == ["text", "audio"]
    assert [Path(f"turn-{n}.wav").read_bytes() for n in (1, 2)] == [WAV, WAV]


def test_the_lines_of_stdin_are_turns(cli: CommandLine, openai: Service) -> None:
    """A turn for each line that holds something; --json is an object a turn, with its number and session."""
    openai.answer(spoken("One."), spoken("Two."))
    ran = cli("converse", "--json", "-q", stdin=b"first\n\n  \nsecond\n")
    told = [json.loads(line) for line in ran.out.splitlines()]
    assert [(one["turn"], one["session"], one["transcript"]) for one in told] == [(1, "1", "One."), (2, "1", "Two.")]
    assert [one["audio"]["path"] for one in told] == ["turn-1.wav", "turn-2.wav"]
    assert ran.err == ""


@pytest.mark.skipif(sys.platform == "win32", reason="reads a pipe as it fills")
def test_each_answer_is_flushed_before_the_next_line_is_read(openai: Service) -> None:
    """Another program can talk with it, line by line."""
    openai.answer(spoken("One."), spoken("Two."))
    command = [sys.executable, "-m", "audiochat", "converse", "--json", "-q", "--text-only"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    openai.answer(completion(content="One."), completion(content="Two."))
    for number, word in enumerate(["One.", "Two."], 1):
        process.stdin.write(f"turn {number}\n".encode())
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["transcript"] == word
    process.stdin.close()
    assert process.wait(timeout=10) == 0


def test_turns_attach_recordings(cli: CommandLine, openai: Service, dog: Path) -> None:
    """@FILE at the start of a word; quotes for spaces; @@ is a plain @; an address stays as it is."""
    Path("my memo.mp3").write_bytes(codec.encode(PCM * 5, "mp3"))
    openai.answer(spoken("ok"))
    turns = [f"@{dog}", f"What changed? @{dog}", 'Compare @"my memo.mp3" now', "mail me@x.org or @@me"]
    ran = cli("converse", *(word for turn in turns for word in ("-t", turn)), "--no-save")
    assert ran.code == 0
    users = [_user(message) for message in openai.last.json["messages"] if message["role"] == "user"]
    mp3 = Path("my memo.mp3").read_bytes()
    assert users == [
        (None, [WAV]),
        ("What changed?", [WAV]),
        ("Compare now", [mp3]),
        ("mail me@x.org or @me", []),
    ]


def test_text_only_is_for_all_turns(cli: CommandLine, openai: Service, dog: Path) -> None:
    """Every request says its modalities, earlier answers are words, no file appears."""
    openai.answer(completion(content="One."), completion(content="Two."))
    ran = cli("converse", str(dog), "-t", "a", "-t", "b", "--text-only")
    assert (ran.code, ran.out) == (0, b"One.\nTwo.\n")
    assert [request.json["modalities"] for request in openai.requests] == [["text"], ["text"]]
    assert openai.last.json["messages"][1] == {"role": "assistant", "content": "One."}
    assert list(Path().iterdir()) == [dog]


@pytest.mark.parametrize(
    ("output", "names"),
    [("replies/", ["replies/turn-1.wav", "replies/turn-2.wav"]), ("a-{n}.mp3", ["a-1.mp3", "a-2.mp3"])],
)
def test_spoken_replies_are_named(cli: CommandLine, openai: Service, output: str, names: list[str]) -> None:
    """A folder, which is made, or a pattern."""
    openai.answer(spoken("One."), spoken("Two."))
    assert cli("converse", "-t", "a", "-t", "b", "-o", output).code == 0
    assert [str(path) for path in sorted(Path().rglob("*.*"))] == [str(Path(name)) for name in names]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["-t", "a", "-t", "b", "-o", "one.wav"], 2),
        (["-t", "a", "-t", "b", "-o", "-"], 2),
        (["-t", "  "], 2),
        (["-t", "@missing.wav"], 6),
        (["-t", "a", "--no-save", "--continue"], 2),
        (["-t", "a", "--session", "x", "--continue"], 2),
        (["-t", "a", "--continue"], 2),
        (["-t", "a", "--session", "../../etc/x"], 2),
        (["-t", "a", "--session", ""], 2),
        (["-t", "a", "--session", "a/b"], 2),
        (["-t", "a", "--session", ".."], 2),
        (["-t", "a", "--session", "x" * 65], 2),
        (["--text-only"], 2),
    ],
)
def test_what_cannot_work_is_refused_before_it_costs(
    cli: CommandLine, openai: Service, sessions: Path, arguments: list[str], code: int
) -> None:
    """Each with its exit code and a hint, no request, and nothing in the sessions' folder or outside it."""
    ran = cli("converse", *arguments)
    assert ran.code == code
    assert openai.requests == []
    assert not list(sessions.rglob("session.json"))


def test_a_session_is_readable_and_private(cli: CommandLine, openai: Service, dog: Path, sessions: Path) -> None:
    """JSON with texts, transcripts, ids, usage; the sound in and out beside it; nobody else may read it."""
    openai.answer(spoken("A dog.", id_="audio_7"))
    assert cli("converse", str(dog), "-t", DESCRIBE, "--session", "dogs", "-s", "Be brief.").code == 0
    folder = sessions / "dogs"
    page = json.loads((folder / "session.json").read_text())
    assert (page["version"], page["name"], page["system"]) == (1, "dogs", "Be brief.")
    (turn,) = page["turns"]
    assert (turn["text"], turn["transcript"]) == (DESCRIBE, "A dog.")
    assert (turn["audio_id"], turn["expires_at"]) == ("audio_7", LATER)
    assert turn["usage"]["output_audio_tokens"] == 93
    assert turn["recordings"] == [{"file": "turn-1-in-1.wav", "name": "dog.wav"}]
    assert (folder / "turn-1-in-1.wav").read_bytes() == WAV
    assert (folder / turn["audio"]["file"]).read_bytes() == WAV
    if sys.platform != "win32":
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
        assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, sessions)} == {0o700}
        assert {stat.S_IMODE(path.stat().st_mode) for path in sessions.glob(".*.lock")} == {0o600}


def test_nothing_is_kept_with_no_save(cli: CommandLine, openai: Service, sessions: Path) -> None:
    """Not even the folder."""
    openai.answer(spoken("One."), spoken("Two."))
    assert cli("converse", "-t", "a", "-t", "b", "--no-save").code == 0
    assert not sessions.exists()
    assert openai.last.json["messages"][1] == {"role": "assistant", "audio": {"id": "audio_1"}}


def test_a_conversation_goes_on(cli: CommandLine, openai: Service, dog: Path) -> None:
    """--continue takes the last one, --session a named one; the system message goes on, too."""
    openai.answer(spoken("One.", id_="audio_1"), spoken("Other."), spoken("Two.", id_="audio_2"))
    assert cli("converse", str(dog), "-t", "a", "--session", "named", "-s", "Be brief.").code == 0
    assert cli("converse", "-t", "elsewhere").code == 0
    assert cli("converse", "-t", "b", "--session", "named").code == 0
    messages = openai.last.json["messages"]
    assert messages[0] == {"role": "system", "content": "Be brief."}
    assert _user(messages[1]) == ("a", [WAV])
    assert messages[2:] == [{"role": "assistant", "audio": {"id": "audio_1"}}, {"role": "user", "content": "b"}]
    assert cli("converse", "-t", "c", "--continue").code == 0
    assert openai.last.json["messages"][4] == {"role": "assistant", "audio": {"id": "audio_2"}}
    assert Path("turn-3.wav").exists()


def test_a_turn_that_fails_ends_the_run_and_loses_nothing(cli: CommandLine, openai: Service) -> None:
    """Its exit code; what was answered before is kept, and --continue picks up there."""
    openai.answer(spoken("One."), error(400, "content_filter", "no"))
    ran = cli("converse", "-t", "a", "-t", "b", "-t", "c")
    assert (ran.code, ran.out) == (4, b"One.\n")
    assert len(openai.requests) == 2
    openai.requests.clear()
    openai.answer(spoken("Two."))
    assert cli("converse", "-t", "d", "--continue").code == 0
    assert [message["role"] for message in openai.last.json["messages"]] == ["user", "assistant", "user"]


def _note(err: str) -> int:
    return err.count("no longer knows earlier spoken answers")


def test_an_answer_that_has_expired_is_sent_as_its_words(cli: CommandLine, openai: Service) -> None:
    """By the clock: one note, the transcript in the request, exit 0."""
    openai.answer(spoken("One.", expires_at=int(time.time()) + 5), spoken("Two.", id_="audio_2"), spoken("Three."))
    assert cli("converse", "-t", "a").code == 0
    ran = cli("converse", "-t", "b", "-t", "c", "--continue")
    assert (ran.code, _note(ran.err)) == (0, 1)
    assert openai.requests[1].json["messages"][1] == {"role": "assistant", "content": "One."}
    assert openai.requests[2].json["messages"][3] == {"role": "assistant", "audio": {"id": "audio_2"}}


def test_an_answer_that_the_service_forgot_is_sent_as_its_words(cli: CommandLine, openai: Service) -> None:
    """By `audio_not_found`: asked again at once, one note, exit 0."""
    gone = error(400, "audio_not_found", "Assistant audio audio_1 not found.", param="content.messages[1].audio.id")
    openai.answer(spoken("One."), gone, spoken("Two.", id_="audio_2"), spoken("Three."))
    ran = cli("converse", "-t", "a", "-t", "b", "-t", "c")
    assert (ran.code, ran.out, _note(ran.err)) == (0, b"One.\nTwo.\nThree.\n", 1)
    assert openai.requests[2].json["messages"][1] == {"role": "assistant", "content": "One."}
    assert openai.requests[3].json["messages"][3] == {"role": "assistant", "audio": {"id": "audio_2"}}


def test_another_provider_knows_no_ids(cli: CommandLine, openai: Service) -> None:
    """A session goes on elsewhere with the words; another deployment is such a case too."""
    openai.answer(spoken("One."))
    assert cli("converse", "-t", "a", "-m", "first").code == 0
    ran = cli("converse", "-t", "b", "--continue", "-m", "second")
    assert (ran.code, _note(ran.err)) == (0, 1)
    assert openai.last.json["messages"][1] == {"role": "assistant", "content": "One."}
    env = {"AZURE_OPENAI_ENDPOINT": openai.url, "AZURE_OPENAI_API_KEY": "k"}
    ran = cli("converse", "-t", "c", "--continue", env=env)
    assert (ran.code, _note(ran.err)) == (0, 1)
    assert openai.last.json["messages"][3] == {"role": "assistant", "content": "One."}


def test_a_model_that_slips_into_text_is_asked_once_more(cli: CommandLine, openai: Service) -> None:
    """After words in place of sound; one turn, one transcript on stdout; if it insists, the text is taken."""
    gone = error(400, "audio_not_found", "Assistant audio audio_1 not found.")
    openai.answer(spoken("One."), gone, completion(content="In text."), spoken("Spoken.", id_="audio_2"))
    ran = cli("converse", "-t", "a", "-t", "b")
    assert (ran.code, ran.out) == (0, b"One.\nSpoken.\n")
    assert "asking once more for speech" in ran.err
    assert "spoken" in openai.last.json["messages"][0]["content"]
    assert Path("turn-2.wav").exists()
    openai.answer(gone, completion(content="In text."))
    openai.requests.clear()
    ran = cli("converse", "-t", "c", "--continue")
    assert (ran.code, ran.out, len(openai.requests)) == (0, b"In text.\n", 3)
    assert "answered in text alone" in ran.err
    assert not Path("turn-3.wav").exists()


def test_too_much_sound_is_named_instead_of_sent(cli: CommandLine, openai: Service) -> None:
    """Over the request's size limit: the oldest recordings first, said once, nothing cut silently."""
    for name in ("one.wav", "two.wav", "three.wav"):
        Path(name).write_bytes(wav.wrap(bytes(9_000_000)))
    openai.answer(spoken("ok"))
    turns = ["a @one.wav", "b @two.wav", "c @three.wav", "d"]
    ran = cli("converse", *(word for turn in turns for word in ("-t", turn)), "--no-save")
    assert ran.code == 0
    assert ran.err.count("its oldest recordings are named instead of sent") == 1
    users = [_user(message) for message in openai.last.json["messages"] if message["role"] == "user"]
    assert [len(data) for _, data in users] == [0, 1, 1, 0]
    assert users[0][0] == "a\n[A recording was attached here: one.wav.]"


def test_a_context_that_is_full_is_lightened(cli: CommandLine, openai: Service, dog: Path) -> None:
    """`context_length_exceeded`: without the oldest recording; when there is none left, it is an error."""
    full = error(400, "context_length_exceeded", "maximum context length is 8192 tokens")
    openai.answer(spoken("One."), full, spoken("Two."))
    assert cli("converse", str(dog), "-t", "a", "-t", "b").code == 0
    assert _user(openai.last.json["messages"][0])[1] == []
    openai.answer(full)
    assert cli("converse", "-t", "c", "--continue").code == 4


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_a_killed_process_loses_at_most_its_turn(cli: CommandLine, openai: Service, sessions: Path) -> None:
    """Kill -9 during turn 3: turns 1 and 2 are there, and --continue works."""
    openai.answer(spoken("One."), spoken("Two."), Answer(hold=30))
    command = [sys.executable, "-m", "audiochat", "converse", "-t", "a", "-t", "b", "-t", "c", "-q"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while len(openai.requests) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    page = json.loads((sessions / "1" / "session.json").read_text())
    assert [turn["transcript"] for turn in page["turns"]] == ["One.", "Two."]
    openai.requests.clear()
    openai.answer(spoken("Three."))
    assert cli("converse", "-t", "c", "--continue").code == 0
    assert len(openai.last.json["messages"]) == 5


def test_two_processes_do_not_mix(cli: CommandLine, openai: Service, sessions: Path) -> None:
    """The second one gets a clear error; when the first has ended, it may go on."""
    openai.answer(completion(content="Zero."))
    assert cli("converse", "-t", "z", "--session", "s", "--text-only").code == 0
    openai.requests.clear()
    openai.answer(Answer(completion(content="One.").body, hold=2.0))
    command = [sys.executable, "-m", "audiochat", "converse", "-t", "a", "--text-only", "--session", "s", "-q"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while not openai.requests and time.monotonic() < deadline:
        time.sleep(0.02)
    ran = cli("converse", "-t", "b", "--session", "s", "--text-only")
    assert ran.code == 6
    assert "in use elsewhere" in ran.err
    assert cli("sessions", "remove", "s").code == 6
    assert process.wait(timeout=10) == 0
    openai.answer(completion(content="Two."))
    assert cli("converse", "-t", "b", "--session", "s", "--text-only").code == 0
    assert len(json.loads((sessions / "s" / "session.json").read_text())["turns"]) == 3


@pytest.mark.parametrize(
    "page",
    [
        "",
        "{",
        "[]",
        "null",
        '{"version": 1}',
        '{"created_at": 1, "system": null, "turns": [{}]}',
        '{"created_at": 1, "system": 7, "turns": []}',
        '{"created_at": 1, "system": null, "turns": "no"}',
    ],
)
def test_a_session_damaged_by_hand_is_told(cli: CommandLine, openai: Service, sessions: Path, page: str) -> None:
    """Exit 6, its file and what to do; it is left as it is."""
    (sessions / "s").mkdir(parents=True)
    (sessions / "s" / "session.json").write_text(page)
    for arguments in (["converse", "-t", "a", "--session", "s"], ["sessions", "show", "s"]):
        ran = cli(*arguments)
        assert ran.code == 6
        assert "damaged" in ran.err
        assert "sessions remove s" in ran.err
    listed = cli("sessions", "list")
    assert "The session s is damaged" in listed.err
    assert "No other conversation is kept." in listed.err
    assert (sessions / "s" / "session.json").read_text() == page
    assert openai.requests == []


def test_a_page_made_by_hand_names_no_file_elsewhere(
    cli: CommandLine, openai: Service, dog: Path, sessions: Path
) -> None:
    """What is not in the session's folder is not read and not sent."""
    openai.answer(spoken("One."))
    assert cli("converse", str(dog), "-t", "a", "--session", "s").code == 0
    openai.requests.clear()
    path = sessions / "s" / "session.json"
    path.write_text(path.read_text().replace("turn-1-in-1.wav", "../../../../work/dog.wav"))
    assert cli("converse", "-t", "b", "--session", "s").code == 6
    assert openai.requests == []


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="wants links, and a limit that holds")
def test_a_link_is_no_session(cli: CommandLine, openai: Service, sessions: Path, tmp_path: Path) -> None:
    """Nothing outside the sessions' folder is touched."""
    sessions.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (sessions / "s").symlink_to(tmp_path / "elsewhere")
    for arguments in (["converse", "-t", "a", "--session", "s"], ["sessions", "remove", "s"]):
        assert cli(*arguments).code == 2
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert openai.requests == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of processes")
def test_a_full_disk_loses_no_turn_before(openai: Service, sessions: Path, cli: CommandLine) -> None:
    """The answer is shown, exit 6 says that it could not be kept; the turns before are there."""
    openai.answer(completion(content="One."))
    assert cli("converse", "-t", "a", "--text-only").code == 0
    before = (sessions / "1" / "session.json").read_text()
    openai.answer(completion(content="Two, " + "and so on " * 2000))
    program = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)); "
        "from audiochat.__main__ import run; sys.exit(run(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, "converse", "-t", "b", "--continue", "--text-only"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 6
    assert done.stdout.startswith("Two, and so on")
    assert "cannot be kept" in done.stderr
    assert (sessions / "1" / "session.json").read_text() == before
    assert sorted(path.name for path in (sessions / "1").iterdir()) == ["session.json"]


def test_sessions_are_listed_shown_exported_and_removed(
    cli: CommandLine, openai: Service, dog: Path, sessions: Path
) -> None:
    """The latest first; Markdown and JSON; the sound goes with the session."""
    openai.answer(spoken("A dog."))
    assert cli("converse", str(dog), "-t", "What is it?", "--session", "dogs").code == 0
    assert cli("converse", "-t", "Say hello.").code == 0
    listed = cli("sessions", "list").out.decode().splitlines()
    assert [line.split("\t")[0] for line in listed] == ["1", "dogs"]
    assert listed[1].split("\t")[1::2] == ["1", "What is it?"]
    shown = cli("sessions", "show", "dogs").out.decode()
    assert "**You:** [dog.wav] What is it?" in shown
    assert "**gpt-audio-2025-08-28:** A dog." in shown
    assert cli("sessions", "export", "dogs").out.decode() == shown
    page = json.loads(cli("sessions", "export", "dogs", "-f", "json").out)
    assert (page["name"], page["turns"][0]["transcript"]) == ("dogs", "A dog.")
    assert cli("sessions", "remove", "dogs").code == 0
    assert not (sessions / "dogs").exists()
    assert cli("sessions", "show", "dogs").code == 2
    assert cli("sessions", "remove", "../1").code == 2
    assert (sessions / "1").exists()


def test_two_new_conversations_at_once_get_two_numbers(cli: CommandLine, openai: Service, sessions: Path) -> None:
    """Neither has to wait or to fail."""
    openai.answer(Answer(completion(content="One.").body, hold=1.5))
    command = [sys.executable, "-m", "audiochat", "converse", "-t", "a", "--text-only", "-q"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while not openai.requests and time.monotonic() < deadline:
        time.sleep(0.02)
    assert cli("converse", "-t", "b", "--text-only").code == 0
    assert process.wait(timeout=10) == 0
    assert sorted(path.name for path in sessions.iterdir() if path.is_dir()) == ["1", "2"]


def test_a_turn_is_kept_when_its_reader_has_gone(openai: Service, sessions: Path) -> None:
    """What nobody reads on stdout is in the session all the same."""
    if sys.platform == "win32":
        pytest.skip("there is no sh")
    openai.answer(completion(content="One."))
    command = f"{sys.executable} -m audiochat converse -t a --text-only -q | true"
    assert subprocess.run(["sh", "-c", command], capture_output=True, check=False).stderr == b""
    assert json.loads((sessions / "1" / "session.json").read_text())["turns"][0]["transcript"] == "One."


def test_numbers_go_on(cli: CommandLine, openai: Service, sessions: Path) -> None:
    """A new conversation has the next free number, whatever names there are."""
    openai.answer(completion(content="ok"))
    for name in (["--session", "7"], ["--session", "seven"], []):
        assert cli("converse", "-t", "a", "--text-only", *name).code == 0
    assert sorted(path.name for path in sessions.iterdir() if path.is_dir()) == ["7", "8", "seven"]


def test_sessions_in_json(cli: CommandLine, openai: Service) -> None:
    """show, export and remove have an envelope as list has."""
    openai.answer(completion(audio=WAV))
    assert cli("converse", "--session", "dogs", "-t", "Hi", "-o", "o.wav").code == 0
    told = json.loads(cli("sessions", "show", "dogs", "--json").out)
    assert (told["version"], told["command"], told["status"], told["session"]) == (1, "sessions show", "ok", "dogs")
    assert told["conversation"] == json.loads(cli("sessions", "export", "dogs", "-f", "json").out)
    told = json.loads(cli("sessions", "export", "dogs", "--json").out)
    assert (told["command"], told["format"]) == ("sessions export", "markdown")
    assert told["text"] == cli("sessions", "export", "dogs").out.decode()
    told = json.loads(cli("sessions", "remove", "dogs", "--json").out)
    assert (told["command"], told["status"], told["removed"]) == ("sessions remove", "ok", ["dogs"])
    assert json.loads(cli("sessions", "list", "--json").out)["sessions"] == []


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["sessions", "show", "nosuch", "--json"], "sessions show"),
        (["sessions", "remove", "--json", "nosuch"], "sessions remove"),
        (["sessions", "list", "--bad", "--json"], "sessions list"),
        (["jobs", "show", "nosuch", "--json"], "jobs show"),
        (["voices", "get", "nosuch", "--json"], "voices get"),
        (["sessions", "nosuch", "--json"], "sessions"),
        (["-v", "coral", "speak", "hi", "--json"], "speak"),
        (["speak", "sessions", "list", "--json", "--bad"], "speak"),
    ],
)
def test_an_errors_envelope_names_the_command_as_it_is_typed(
    cli: CommandLine, arguments: list[str], command: str
) -> None:
    """With its group, where it has one."""
    ran = cli(*arguments)
    told = json.loads(ran.out)
    assert (ran.code, told["status"], told["command"]) == (2, "error", command)


def test_the_version_in_json(cli: CommandLine) -> None:
    """The number alone, beside the command's words."""
    told = json.loads(cli("version", "--json").out)
    assert cli("version").out.decode() == f"audiochat {told['audiochat']}\n"
    assert (told["command"], told["status"]) == ("version", "ok")
