"""The engine's voices with the real model: they are heard as they were meant, in their languages."""

from __future__ import annotations

import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from audiochat.audio import PCM_BYTES_PER_SECOND, wav
from audiochat.config import LocalSettings
from audiochat.errors import RefusedError

if TYPE_CHECKING:
    from support.command_line import CommandLine

    from audiochat.local.engine import Engine

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]
pytest.importorskip("kokoro_onnx")


@pytest.fixture(scope="module")
def parts() -> Engine:
    """One engine for all: loading takes a while."""
    from audiochat.local.engine import Engine

    return Engine(LocalSettings())


def _heard(parts: Engine, pcm: bytes) -> str:
    return " ".join(re.findall(r"\w+", parts.recognizer.hear(wav.wrap(pcm)).text.lower()))


@pytest.mark.parametrize("voice", ["alloy", "ash", "bm_fable", "nova", "am_puck", "jf_alpha"])
def test_what_a_voice_says_is_heard(parts: Engine, voice: str) -> None:
    """The API's names and the model's own; a Japanese voice speaks English too."""
    pcm = b"".join(parts.synthesizer.say("The old bridge was closed in 1984 for three weeks.", voice=voice))
    heard = _heard(parts, pcm)
    assert "bridge was closed in 1984" in heard
    assert "weeks" in heard


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Le petit chat dort dans la cuisine depuis ce matin.", "cuisine"),
        ("El tren sale mañana por la mañana desde Madrid.", "tren"),
        ("Domani mattina andiamo insieme al mercato.", "mercato"),
        ("Amanhã de manhã vamos juntos ao mercado.", "mercado"),
    ],
)
def test_a_language_is_spoken_as_it_is(parts: Engine, text: str, word: str) -> None:
    """With its own phonemes, by a voice of its own, whatever voice was asked for."""
    assert word in _heard(parts, b"".join(parts.synthesizer.say(text, voice="alloy")))


def test_a_language_without_phonemes_is_refused(parts: Engine) -> None:
    """Before any sound."""
    with pytest.raises(RefusedError, match="German"):
        list(parts.synthesizer.say("Morgen früh gehen wir auf den Markt.", voice="alloy"))


def test_a_long_text_comes_in_pieces_of_which_the_first_is_short(parts: Engine) -> None:
    """Who waits for the first sound does not wait for the first sentence."""
    text = (
        "The first sentence of this text is rather long, because its author could not find a place to stop, although "
        "many readers had asked for one over the years. The second is short."
    )
    early = [len(piece) / PCM_BYTES_PER_SECOND for piece in parts.synthesizer.say(text, early=True)]
    whole = [len(piece) / PCM_BYTES_PER_SECOND for piece in parts.synthesizer.say(text)]
    assert early[0] < 4.5 < whole[0]
    assert sum(early) == pytest.approx(sum(whole), rel=0.15)


def test_two_threads_speak_at_once(parts: Engine) -> None:
    """Each says its own: what finds the phonemes has one state for the process, and is asked by one at a time."""
    texts = ["The cat sat on the kitchen table.", "Nobody answered the telephone.", "Snow fell on the mountains."]
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda text: b"".join(parts.synthesizer.say(text)), texts))
    for pcm, word in zip(made, ("table", "telephone", "mountains"), strict=True):
        assert word in _heard(parts, pcm)


def test_faster_is_shorter(parts: Engine) -> None:
    """Speed is the API's: 2.0 takes half the time."""
    usual, fast = (len(b"".join(parts.synthesizer.say("Good morning, everybody.", speed=one))) for one in (1.0, 2.0))
    assert fast < 0.75 * usual


def test_the_command_line_speaks_with_the_voice(cli: CommandLine) -> None:
    """-v takes the engine's names, the transcript is as it was written, the sound is 24 kHz."""
    ran = cli("speak", "Say hello.", "-v", "bm_george", "-o", "a.wav", "--json", "-q")
    assert (ran.code, json.loads(ran.out)["status"]) == (0, "ok")
    found = wav.read(Path("a.wav").read_bytes())
    assert found is not None
    assert found.sample_rate == 24_000


def test_nothing_speaks_on_when_nobody_listens(parts: Engine) -> None:
    """A reader that goes away ends the synthesis with the piece under way."""
    said = parts.synthesizer.say("One sentence is here. Another one follows. And a third. And a fourth one. " * 5)
    next(iter(said))
    began = time.monotonic()
    said.close()  # type: ignore[attr-defined] # it is a generator
    assert time.monotonic() - began < 1
    assert threading.active_count() < 20
