"""The local engine with its real models: it speaks, hears what it said, and answers about it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.service import Answer, running

from audiochat.audio import codec, wav
from audiochat.config import LocalSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from support.command_line import CommandLine

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

AUDIOCHAT = [sys.executable, "-m", "audiochat"]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="what POSIX alone has")


QUESTION = "Is a golden retriever a good family dog?"


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def _word_errors(heard: Sequence[str], said: Sequence[str]) -> float:
    """Word error rate: the edit distance between two texts, over the length of the true one."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        previous, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (word != other))
    return row[-1] / max(1, len(said))


def test_the_whole_loop(cli: CommandLine) -> None:
    """Speak makes a WAV, the recogniser hears its transcript in it, analyze answers about it."""
    from audiochat.local.engine import Engine

    ran = cli("speak", QUESTION, "-o", "dog.wav", "--json")
    told = json.loads(ran.out)
    assert ran.code == 0
    assert "local engine, SmolLM2-135M: a small model, its answers can be wrong" in ran.err
    assert (told["provider"], told["model"]) == ("local", "SmolLM2-135M")
    sound = Path("dog.wav").read_bytes()
    found = wav.read(sound)
    assert found is not None
    assert (found.sample_rate, found.channels) == (24_000, 1)
    assert found.seconds > 1
    assert told["audio"]["seconds"] == pytest.approx(found.seconds, abs=0.01)
    assert told["usage"]["output_audio_tokens"] == pytest.approx(20 * found.seconds, abs=2)

    heard = Engine(LocalSettings()).recognizer.hear(sound)
    assert _word_errors(_words(heard.text), _words(told["transcript"])) < 0.3
    assert heard.seconds == pytest.approx(found.seconds, abs=0.05)

    answer = cli("analyze", "dog.wav")
    assert answer.code == 0
    assert {"dog", "dogs", "retriever", "retrievers"} & set(_words(answer.out.decode()))
    assert (codec.duration(Path("analysis.wav").read_bytes(), "wav") or 0) > 1

    animal = cli("analyze", "dog.wav", "What animal is it about?", "--text-only", "-q")
    assert (animal.code, animal.err, animal.out.count(b"\n")) == (0, "", 1)
    assert {"dog", "dogs", "retriever", "retrievers"} & set(_words(animal.out.decode()))


def test_an_earlier_answer_is_known_by_its_id_to_another_process(process: CommandLine) -> None:
    """Ids live in the cache for an hour; the second answer is about the first."""
    from audiochat import config, providers
    from audiochat.chat.client import Client
    from audiochat.chat.request import AssistantTurn, Request, UserTurn
    from audiochat.progress import NoProgress

    told = json.loads(process("speak", "What is the capital of France?", "--json", "-q").out)
    connection = providers.connect(config.load(config.Flags()), NoProgress())
    turns = (
        UserTurn("What is the capital of France?"),
        AssistantTurn(audio_id=told["audio"]["id"]),
        UserTurn("What language do they speak there?"),
    )
    reply = Client(connection, timeout=60).ask(Request(model="any", turns=turns))
    assert "french" in _words(reply.transcript)
    assert reply.audio is not None


def test_a_conversation_about_what_it_said(cli: CommandLine, process: CommandLine) -> None:
    """The quickstart's two turns over real speech: each answer names the dog, or quotes what was said about it."""
    spoken = cli("speak", QUESTION, "-o", "dog.wav", "--json", "-q")
    said = _words(json.loads(spoken.out)["transcript"])
    turns = ["-t", "Describe in detail the spoken audio input.", "-t", "Very briefly, summarize the favorability."]
    told = [json.loads(line) for line in cli("converse", "dog.wav", *turns, "--json", "-q").out.splitlines()]
    assert [one["turn"] for one in told] == [1, 2]
    later = process("converse", "--continue", "-t", "Which dog is it about?", "-q")
    assert later.code == 0
    dogs = {"dog", "dogs", "retriever", "retrievers"}
    for transcript in (told[0]["transcript"], told[1]["transcript"], later.out.decode()):
        quoted = [word for quotation in re.findall("“([^”]+)”", transcript) for word in _words(quotation)]
        assert dogs & set(_words(transcript)) or (quoted and len(set(quoted) - set(said)) <= len(quoted) // 5)
    assert [codec.duration(Path(f"turn-{n}.wav").read_bytes(), "wav") for n in (1, 2, 3)] > [0.5] * 3


@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.opus", "a.aac", "a.pcm"])
def test_it_speaks_in_every_format(cli: CommandLine, name: str) -> None:
    """Each decodes, and lasts as long as the sentence."""
    told = json.loads(cli("speak", "Say hello.", "-o", name, "--json", "-q").out)
    data = Path(name).read_bytes()
    assert told["audio"]["bytes"] == len(data)
    assert 0.5 < (codec.duration(data, told["audio"]["format"]) or 0) < 20


def test_silence_holds_no_words(cli: CommandLine) -> None:
    """Nothing is heard in it, and the engine says what it measured instead."""
    from audiochat.local.engine import Engine

    silence = wav.wrap(bytes(2 * 24_000 * 3))
    heard = Engine(LocalSettings()).recognizer.hear(silence)
    assert (heard.text, heard.words_a_minute) == ("", 0.0)
    assert heard.seconds == pytest.approx(3.0, abs=0.01)
    Path("silence.wav").write_bytes(silence)
    answer = cli("analyze", "silence.wav", "How long is it?", "--text-only", "-q")
    assert "3.0" in answer.out.decode()


@pytest.mark.parametrize("question", ["Tell me a long story.", "Count to a thousand.", "Repeat the word dog forever."])
def test_it_never_goes_on_for_ever(cli: CommandLine, question: str) -> None:
    """At most four sentences, and no eight words twice in a row."""
    transcript = json.loads(cli("speak", question, "--json", "-q").out)["transcript"]
    assert len(re.findall(r"[.!?](?=\s|$)", transcript)) <= 6  # an abbreviation has a full stop too
    words = _words(transcript)
    eights = [tuple(words[i : i + 8]) for i in range(len(words) - 7)]
    assert len(eights) == len(set(eights))


def test_refusals_are_the_services_own(cli: CommandLine) -> None:
    """More words than the model's context holds are refused as the cloud refuses them."""
    ran = cli("speak", "word " * 20_000, "--json", "-q")
    assert (ran.code, json.loads(ran.out)["error"]["code"]) == (4, "context_length_exceeded")


def test_an_interrupt_ends_the_engine() -> None:
    """Ctrl-C while the models load or write: exit 130, at once, quietly."""
    import signal
    import subprocess
    import sys
    import time

    if sys.platform == "win32":
        pytest.skip("there is no SIGINT for others")
    command = [sys.executable, "-m", "audiochat", "speak", "Tell me a long story.", "-q"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(1.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in err


_EMBEDDED = """
import sys, time
from audiochat.config import LocalSettings
from audiochat.local.engine import Engine
from audiochat.local.stopping import StopSignal
Engine(LocalSettings()).prepare(StopSignal(), recognizer=True, language_model=True, synthesizer=True)
time.sleep(float(sys.argv[1]))
"""


@pytest.mark.parametrize("seconds", ["0", "0.4", "0.6", "0.8"])
def test_a_program_around_it_ends_well(seconds: str) -> None:
    """An ordinary end of Python waits for models that are being loaded, instead of crashing in them."""
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", _EMBEDDED, seconds], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_cache_that_cannot_be_written_loses_no_answer(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The id has expired at once; the answer is there."""
    from support.command_line import REAL_CACHE

    assert cli("speak", "Say hello.", "-q").code == 0
    cache = Path("cache/audiochat").absolute()
    cache.mkdir(parents=True)
    (cache / "models").symlink_to(REAL_CACHE / "audiochat" / "models")
    (cache / "answers").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent))
    told = json.loads(cli("speak", "Say hello.", "--json", "-q").out)
    assert told["status"] == "ok"
    assert told["audio"]["expires_at"] <= time.time()


def test_nothing_is_told_to_anybody(process: CommandLine, home: Path) -> None:
    """The engine's libraries collect no events for their makers."""
    assert process("speak", "Say hello.", "-q", env={"HOME": str(home)}).code == 0
    assert not [path for path in home.rglob("*") if "Microsoft" in path.name or "onnxruntime" in path.name.lower()]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"<html>", headers={"Content-Type": "text/html"}),
        Answer(b'{"choices": []}'),
        Answer(b'{"choices": null}'),
    ],
)
def test_a_text_server_that_answers_nonsense(cli: CommandLine, answer: Answer) -> None:
    """Exit 5, and which variable to check."""
    with running() as server:
        server.answer(answer)
        env = {"AUDIOCHAT_LOCAL_LLM": f"{server.url}/v1", "AUDIOCHAT_LOCAL_LLM_MODEL": "m"}
        ran = cli("speak", "hi", "-q", env=env)
        assert ran.code == 5
        assert "AUDIOCHAT_LOCAL_LLM" in ran.err


def test_a_text_server_answers_in_the_engines_place(cli: CommandLine) -> None:
    """Any server that speaks chat completions in text; its usage may be missing; the voice is the engine's."""
    with running() as server:
        body = {"choices": [{"message": {"content": "<think>hm</think>**Paris.** Yes!"}}], "usage": {}}
        server.answer(Answer(json.dumps(body).encode()))
        env = {"AUDIOCHAT_LOCAL_LLM": f"{server.url}/v1", "AUDIOCHAT_LOCAL_LLM_MODEL": "big"}
        told = json.loads(cli("speak", "Where?", "--json", "-q", env=env).out)
        assert (told["transcript"], told["model"]) == ("Paris. Yes!", "big")
        assert told["audio"]["seconds"] > 0.5
        assert "authorization" not in server.last.headers


@POSIX
def test_ctrl_c_ends_it_while_the_text_server_is_silent() -> None:
    """No thread is waited for."""
    with running() as server:
        server.answer(Answer(hold=30))
        env = {**os.environ, "AUDIOCHAT_LOCAL_LLM": f"{server.url}/v1"}
        process = subprocess.Popen([*AUDIOCHAT, "speak", "hi", "-q"], env=env, stderr=subprocess.PIPE)
        while not server.requests:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=5)
        assert process.returncode == 130
