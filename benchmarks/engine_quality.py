"""Asks the local engine what a newcomer asks, and counts what it invents.

python benchmarks/engine_quality.py            everything, as Markdown tables
python benchmarks/engine_quality.py --only recordings

The recordings are spoken here: by the engine's own voice, and by espeak-ng (Debian: espeak-ng) where another voice or
language is wanted; without espeak-ng those are left out. Half of the questions, marked "seen", were used while the
engine was designed; the others were not.

"Invented" is counted by rule, apart from the engine's own checks: a figure, a name or a quotation in the answer that
was neither spoken, asked nor measured. Whether an answer helps is for a reader to judge.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import subprocess
import time
from dataclasses import dataclass

import numpy as np

from audiochat.audio import codec, wav
from audiochat.config import LocalSettings
from audiochat.local.answering import Answering
from audiochat.local.engine import Engine
from audiochat.local.llm import Limits
from audiochat.local.prompts import Said
from audiochat.local.stopping import StopSignal

RATE = 24_000
DEFAULT = "Describe in detail the spoken audio input."

PLAIN_SEEN = """
What is the capital of France?|Why is the sky blue?|Is a golden retriever a good family dog?|Say hello.
Write a haiku about rain.|How many moons does Jupiter have?|Tell me a joke.|What is photosynthesis?
Name a good dog breed for a family.
Sum this up: The cat slept on the stove all day. Then it went out to hunt mice.
How do I boil an egg?|How much ibuprofen may I take?|Can I sue my landlord?|Was ist die Hauptstadt von Italien?
Who are you?|What is seven times eight?|Give me a synonym for happy.
Why do leaves turn red in autumn?
What is the largest ocean?
Is it safe to eat wild mushrooms?
"""
PLAIN_NEW = """
What is the capital of Japan?|Why do we sleep?|How does a bicycle stay upright?|What do bees eat?
Write a line about the sea.
Who wrote Romeo and Juliet?|When did the Second World War end?|What is the opposite of cold?|How do I make tea?
What is a verb?
Why is the sea salty?|Should I buy bitcoin?|I have a pain in my chest, what should I do?|Translate hello into Spanish.
What is the tallest mountain?
Sum up: The meeting was moved to the small hall because the roof leaks. Nobody was hurt.
Say thank you in a friendly way.|How many days has a leap year?|What is gravity?|Comment faire du pain ?
"""


@dataclass(frozen=True, slots=True)
class Made:
    """A recording to make, and what is asked about it."""

    name: str
    spoken: str
    """The true words; empty where nobody speaks."""
    questions: tuple[str, ...]
    kind: str = "voice"
    """voice, espeak:LANGUAGE, dialogue, tones, noise or silence."""
    seen: bool = False


RECORDINGS = (
    Made(
        "short speech",
        "The library opens at nine and closes at half past six.",
        (DEFAULT, "When does it close?"),
        seen=True,
    ),
    Made(
        "phone message",
        "Hello, this is Martha Jones from the dentist. Your appointment on Tuesday is moved to half past three. "
        "Please call us back at 5 5 5, 0 1 4 2. Thank you.",
        ("Who is calling?", "Which number should I call?"),
        seen=True,
    ),
    Made(
        "shopping list",
        "For the weekend we need milk, two loaves of bread, a bag of potatoes and some washing powder. "
        "Don't forget the stamps.",
        ("List what we have to buy.", "How many eggs do we need?"),
        seen=True,
    ),
    Made("music", "", ("What do you hear?", "What is the song about?"), "tones", seen=True),
    Made("silence", "", ("Summarize this.", DEFAULT), "silence", seen=True),
    Made(
        "a minute of speech",
        "Good evening everyone, and thank you for coming to the parish hall. Tonight we want to talk about the old "
        "footbridge over the river. The council closed it in March because the planks are rotten. A "
        "new bridge would take "
        "two years, and we do not have the money. Some of you asked whether volunteers could repair "
        "it. The engineer says "
        "yes, if we replace the beams as well. So we are looking for twenty people who can help on Saturdays. We will "
        "begin in the second week of May. Tools are there, but please bring gloves. Coffee and soup will be served at "
        "noon. If it rains, we meet in the hall and paint the signs instead. Please leave your name at the door.",
        ("Sum it up.", "Why was the bridge closed?"),
    ),
    Made(
        "two speakers",
        "Did you feed the rabbits this morning?|No, I thought that you would do it. I was late for the train.",
        ("What is the conversation about?", "How many people are talking?"),
        "dialogue",
    ),
    Made("noise", "", (DEFAULT, "How long is it and what is said?"), "noise"),
    Made(
        "German",
        "Guten Morgen. Der Zug nach Hamburg fährt heute von Gleis sieben ab, mit zehn Minuten Verspätung.",
        ("What did the speaker say?", "What language is it?"),
        "espeak:de",
    ),
    Made(
        "French",
        "Bonjour, je voudrais réserver une table pour quatre personnes, samedi soir à huit heures.",
        ("Summarize it in English.", "How loud is it?"),
        "espeak:fr",
    ),
)
FURTHER = (
    Made(
        "voice memo",
        "Note to myself. The blue paint was a mistake. The kitchen looks cold now. Ask Henrik whether he still has the "
        "yellow one, and return the brushes before Thursday.",
        (
            "What should I ask Henrik?",
            "Is the speaker happy with the paint?",
            "Make a to-do list.",
            "What did it cost?",
        ),
    ),
    Made(
        "weather",
        "And now the weather. Tomorrow will be dry in the north, with a light wind from the west. "
        "In the south there may "
        "be thunderstorms after lunch, with up to thirty millimetres of rain.",
        (
            "Will it rain in the north?",
            "Give me the gist.",
            "How much rain may fall?",
            "What will it be like on Sunday?",
        ),
    ),
    Made(
        "complaint",
        "I have been waiting for my parcel for three weeks. Nobody answers the phone. I want my money back, or I will "
        "never order from you again.",
        (
            "What does the customer want?",
            "Why are they angry?",
            "How long is the recording?",
            "What is the order number?",
        ),
    ),
)


def main() -> None:
    """Ask everything and print what was answered."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("plain", "recordings", "further", "loop"))
    only = parser.parse_args().only
    engine = Engine(LocalSettings())
    if only in (None, "recordings"):
        _recordings("The ten recordings", engine, RECORDINGS)
    if only in (None, "further"):
        _recordings("Further recordings", engine, FURTHER)
    if only in (None, "plain"):
        _plain(engine)
    if only in (None, "loop"):
        _loop(engine)


def _recordings(title: str, engine: Engine, made: tuple[Made, ...]) -> None:
    print(f"\n## {title}\n\n| recording | question | answer | invented | seconds |\n|---|---|---|---|---|")
    total = invented = 0
    for one in made:
        data = _make(engine, one)
        if data is None:
            print(f"| {one.name} | | left out: there is no espeak-ng | | |")
            continue
        heard = engine.recognizer.hear(data)
        measured = f"{heard.seconds:.1f} {heard.words_a_minute:.0f} {heard.loudness:.0f} {heard.speech_seconds:.1f}"
        for question in one.questions:
            started = time.monotonic()
            answer = _answer(engine, [Said("user", question, (heard,))])
            found = _invented(answer, f"{one.spoken} {heard.text} {question} {measured} {len(heard.text.split())}")
            total, invented = total + 1, invented + bool(found)
            mark = "seen" if one.seen else "new"
            print(f"| {one.name} ({mark}) | {question} | {answer} | {', '.join(found) or '–'} | "
                  f"{time.monotonic() - started:.1f} |")  # fmt: skip
    print(f"\nAnswers with something invented: {invented} of {total}.")


def _plain(engine: Engine) -> None:
    for title, text in (("seen", PLAIN_SEEN), ("new", PLAIN_NEW)):
        print(f"\n## Plain questions, {title}\n\n| question | answer |\n|---|---|")
        for question in text.replace("\n", "|").split("|"):
            if question:
                print(f"| {question} | {_answer(engine, [Said('user', question)])} |")


def _loop(engine: Engine) -> None:
    """What the recogniser makes of the engine's own spoken answers."""
    wrong = words = 0
    for question in PLAIN_NEW.replace("\n", "|").strip("|").split("|")[:20]:
        answer = _answer(engine, [Said("user", question)])
        heard = engine.recognizer.hear(wav.wrap(b"".join(engine.synthesizer.say(answer)))).text
        true, found = (re.findall(r"[a-z0-9']+", text.lower()) for text in (answer, heard))
        wrong, words = wrong + _edits(true, found), words + len(true)
    print(f"\n## Loop\n\nWord error rate of the recogniser on {words} words of spoken answers: {wrong / words:.3f}.")


def _answer(engine: Engine, said: list[Said]) -> str:
    return " ".join(Answering(engine).write(said, Limits(), StopSignal()).sentences)


def _invented(answer: str, known: str) -> list[str]:
    """Figures, names and quotations that stand in an answer and nowhere else."""
    words = set(re.findall(r"[^\W_]+", known.lower()))
    found = [figure for figure in re.findall(r"\d+(?:\.\d+)?", answer) if not set(figure.split(".")) <= words]
    names = re.findall(r"(?<=[a-z,;] )[A-Z][^\W\d_]+", re.sub(r"[\u201c\u201d]", " . ", answer))
    found += [name for name in names if name.lower() not in words | {"i", "english", "german", "french", "dbfs"}]
    place = " ".join(re.findall(r"[^\W_]+", known.lower()))
    quotes = re.findall("\u201c([^\u201d]+)\u201d", answer)
    return found + [quote for quote in quotes if " ".join(re.findall(r"[^\W_]+", quote.lower())) not in place]


def _make(engine: Engine, one: Made) -> bytes | None:
    """The recording as a WAV; None where espeak-ng is missing."""
    random = np.random.default_rng(11)
    if one.kind == "silence":
        return wav.wrap(bytes(2 * RATE * 10))
    if one.kind == "noise":
        return wav.wrap((random.normal(0, 2500, RATE * 8)).astype("<i2").tobytes())
    if one.kind == "tones":
        return wav.wrap(_melody().astype("<i2").tobytes())
    if one.kind == "dialogue":
        first, second = one.spoken.split("|")
        other = _espeak("en", second)
        return None if other is None else wav.wrap(b"".join(engine.synthesizer.say(first)) + bytes(RATE) + other)
    if one.kind.startswith("espeak:"):
        spoken = _espeak(one.kind.split(":")[1], one.spoken)
        return None if spoken is None else wav.wrap(spoken)
    return wav.wrap(b"".join(engine.synthesizer.say(one.spoken)))


def _melody() -> np.ndarray:
    """Twelve seconds of chords, each tone with overtones that fade."""
    times = np.arange(RATE) / RATE
    chords = ((262, 330, 392), (220, 262, 330), (349, 440, 523), (392, 494, 587)) * 3
    bars = [
        sum(np.sin(2 * np.pi * tone * part * times) / part for tone in chord for part in (1, 2, 3)) * np.exp(-2 * times)
        for chord in chords
    ]
    return np.concatenate(bars) * 3000


def _espeak(language: str, text: str) -> bytes | None:
    program = shutil.which("espeak-ng")
    if program is None:
        return None
    done = subprocess.run([program, "-v", language, "-s", "150", "--stdout", text], capture_output=True, check=True)
    return b"".join(codec.decode(io.BytesIO(done.stdout), name="espeak", sample_rate=RATE))


def _edits(true: list[str], found: list[str]) -> int:
    row = list(range(len(found) + 1))
    for i, word in enumerate(true, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(found, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


if __name__ == "__main__":
    main()
