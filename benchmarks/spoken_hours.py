"""Makes hours of speech whose words and times are known: two synthesizers, pauses, music, minutes without a pause.

    python benchmarks/spoken_hours.py FOLDER --minutes 120 [--languages en,es] [--unbroken 10] [--alternate]

FOLDER gets `speech.wav` (24,000 Hz) and `speech.json`: a list of utterances `{start, end, words, language}`. The
engine's voices need half as long as what they say; espeak-ng's are nearly free.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import subprocess
import wave
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from audiochat.audio import SAMPLE_RATE as RATE
from audiochat.audio.codec import decode
from audiochat.chat import voices
from audiochat.local import models
from audiochat.local.fetch import ensure
from audiochat.local.kokoro import Kokoro
from audiochat.progress import NoProgress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_ENGLISH = (
    [
        "the captain",
        "my neighbour",
        "an old farmer",
        "the young teacher",
        "our doctor",
        "the last passenger",
        "her brother",
        "the museum",
        "a tired carpenter",
        "the committee",
        "the river",
        "every student",
        "the night train",
        "that engineer",
    ],
    [
        "remembered",
        "described",
        "carried",
        "repaired",
        "discovered",
        "followed",
        "painted",
        "measured",
        "ignored",
        "collected",
        "studied",
        "opened",
        "promised",
        "borrowed",
    ],
    [
        "a wooden bridge",
        "the green garden",
        "seven letters",
        "the broken window",
        "a map of the coast",
        "the morning bread",
        "a quiet valley",
        "the heavy suitcase",
        "the price of copper",
        "an empty theatre",
        "the summer market",
        "twelve glasses of water",
        "the story of the lighthouse",
        "a basket of apples",
    ],
    [
        "before the rain began",
        "without telling anyone",
        "because the road was closed",
        "in the second week of October",
        "near the railway station",
        "while the children were asleep",
        "for almost forty years",
        "although it was very late",
        "on the other side of the harbour",
        "after a long and difficult winter",
        "with great patience",
        "in front of the church",
    ],
)
_SPANISH = (
    [
        "el capitán",
        "mi vecina",
        "un viejo granjero",
        "la joven maestra",
        "nuestro médico",
        "el último pasajero",
        "su hermano",
        "un carpintero cansado",
        "la directora del museo",
        "el guardián del faro",
    ],
    [
        "recordó",
        "describió",
        "encontró",
        "reparó",
        "pintó",
        "olvidó",
        "compró",
        "estudió",
        "abandonó",
        "buscaba",
    ],
    [
        "el puente de madera",
        "el jardín verde",
        "la ventana rota",
        "un mapa de la costa",
        "el pan de la mañana",
        "un valle tranquilo",
        "la maleta pesada",
        "el precio del cobre",
        "un teatro vacío",
        "el mercado de verano",
        "una cesta de manzanas",
    ],
    [
        "antes de la lluvia",
        "sin decir una palabra",
        "porque el camino estaba cerrado",
        "en la segunda semana de octubre",
        "cerca de la estación",
        "mientras los niños dormían",
        "aunque era muy tarde",
        "al otro lado del puerto",
        "después de un invierno largo y difícil",
        "con mucha paciencia",
        "delante de la iglesia",
    ],
)
_LANGUAGES = {
    "en": (_ENGLISH, ("en-us", "af_heart", "en-gb", "am_michael", "en-us+f3", "bf_emma")),
    "es": (_SPANISH, ("ef_dora", "em_alex")),
}
"""The parts of a sentence, and who says it: voices of espeak-ng, which Whisper does not understand in Spanish, and of
the engine."""


def sentences(language: str, count: int, seed: int) -> Iterator[tuple[str, str, str]]:
    """Sentences, each with the voice that says it and the language; the voice changes now and then."""
    parts, speakers = _LANGUAGES[language]
    choice = random.Random(seed)
    for n in range(count):
        yield " ".join(choice.choice(part) for part in parts), speakers[(n // 40) % len(speakers)], language


class Speakers:
    """The voices of espeak-ng and of the engine."""

    def __init__(self) -> None:
        ensure([models.KOKORO], NoProgress())
        self._engine = Kokoro(NoProgress())

    def say(self, text: str, voice: str, language: str) -> NDArray[np.int16]:
        """The sound of a sentence, without the silence around it."""
        if voices.find(voice):
            pcm = b"".join(self._engine.say(text, voice=voice, language=language))
        else:
            command = ["espeak-ng", "-v", voice, "-s", "150", "--stdout", text]
            done = subprocess.run(command, capture_output=True, check=True)
            pcm = b"".join(decode(io.BytesIO(done.stdout), name=voice, sample_rate=RATE))
        samples = np.frombuffer(pcm, dtype="<i2")
        loud = np.flatnonzero(np.abs(samples) > 200)
        return samples[loud[0] : loud[-1] + 1]


def music(seconds: float, seed: int) -> NDArray[np.int16]:
    """Chords that nobody sings to."""
    choice = random.Random(seed)
    bars = []
    t = np.arange(int(RATE * 0.5)) / RATE
    for _ in range(int(seconds * 2)):
        root = choice.choice([131.0, 147.0, 165.0, 196.0])
        chord = sum(np.sin(2 * np.pi * root * step * t) for step in (1.0, 1.25, 1.5, 2.0))
        bars.append(2500 * chord * np.exp(-3 * t))
    return np.concatenate(bars).astype(np.int16)


def make(folder: Path, *, minutes: float, languages: list[str], unbroken: float, alternate: bool) -> None:
    """Make the recording and what is said in it."""
    folder.mkdir(parents=True, exist_ok=True)
    choice = random.Random(3)
    noise = np.random.default_rng(3)
    speakers = Speakers()
    spoken: list[dict[str, Any]] = []
    length = 0
    with wave.open(str(folder / "speech.wav"), "wb") as file, ThreadPoolExecutor(2) as pool:
        file.setparams((1, 2, RATE, 0, "NONE", "not compressed"))

        def write(samples: NDArray[np.int16]) -> None:
            nonlocal length
            hiss = noise.integers(-12, 13, len(samples))
            file.writeframes((samples + hiss).clip(-32768, 32767).astype("<i2").tobytes())
            length += len(samples)

        parts = [sentences(language, int(minutes * 60), seed=number) for number, language in enumerate(languages)]
        if alternate:
            parts = [chain.from_iterable(zip(*parts, strict=True))]
        each = minutes * 60 / len(parts)
        for number, told in enumerate(parts):
            for n, ((text, _, language), sound) in enumerate(pool.map(lambda one: (one, speakers.say(*one)), told)):
                start = length / RATE
                write(sound)
                spoken.append({"start": start, "end": length / RATE, "words": text.split(), "language": language})
                done = length / RATE - number * each
                if done > each:
                    break
                if number == 0 and 60 < done < 60 + unbroken * 60:
                    continue  # the next one begins at once
                write(np.zeros(int(RATE * choice.uniform(0.35, 1.8)), np.int16))
                if n % 90 == 89:
                    write(music(15, n))
                    write(np.zeros(RATE, np.int16))
    (folder / "speech.json").write_text(json.dumps(spoken, ensure_ascii=False))


def main() -> None:
    """Make it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--languages", default="en,es")
    parser.add_argument("--unbroken", type=float, default=10, help="minutes without a pause")
    parser.add_argument("--alternate", action="store_true", help="another language with every sentence")
    given = parser.parse_args()
    languages = given.languages.split(",")
    if not set(languages) <= set(_LANGUAGES):
        parser.error(f"--languages: of {', '.join(_LANGUAGES)}")
    make(
        given.folder,
        minutes=given.minutes,
        languages=languages,
        unbroken=given.unbroken,
        alternate=given.alternate,
    )


if __name__ == "__main__":
    main()
