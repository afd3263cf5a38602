"""Measure the engine's voices: how soon they speak, and how well a recogniser hears them.

    python benchmarks/voices.py speed                    # Kokoro and Piper: first sound, whole answer, memory
    python benchmarks/voices.py heard OUT.jsonl          # 40 sentences by ten voices, heard again by Whisper base
    python benchmarks/voices.py heard OUT.jsonl --piper  # the same by Piper's voice
    python benchmarks/voices.py table OUT.jsonl          # word error rate by voice and by kind, and the worst ten

`heard` goes on where it stopped. It wants whisper-normalizer (OpenAI's own, for English), which makes "$5" and "five
dollars" one; nothing else of the project does.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")

SENTENCES = {
    "numbers": (
        "The stadium holds 48,250 people, and 3,117 of the seats are covered.",
        "Her account shows $1,349.50, about 12% more than last week.",
        "The pump moves 2.75 litres a second, or 165 litres a minute.",
        "He ran 42 km in 3 hours and lost 4 kg.",
        "The box weighs 18.6 kg and costs €79.",
        "Only 7 of the 63 samples were larger than 5 mm.",
        "The city grew from 90,000 to 1.4 million people.",
        "Add 3/4 of the flour and bake it at 180 °C for 25 minutes.",
    ),
    "dates": (
        "The treaty was signed on June 28, 1919, near Paris.",
        "The shop opens at 9:30 a.m. and closes at 6 p.m.",
        "She worked there from 1987 to 2004.",
        "The storm of October 1962 reached the coast at 5:45 in the morning.",
        "In the 1930s the harbour was rebuilt twice.",
        "The next train leaves at 14:20 on Friday.",
        "The museum was founded in 1806 and moved in 2012.",
        "Our meeting is on the 22nd of February at noon.",
    ),
    "abbreviations": (
        "Dr. Harris and Mrs. Cole met at 14 Oak St. in Denver.",
        "The U.S. team plays Canada vs. Norway tomorrow.",
        "Prof. Lang of MIT writes for the BBC and NASA.",
        "Bring fruit, e.g. apples, pears, etc., for the children.",
        "Gen. Ward lived on Lake Ave. near the FBI office.",
        "Mr. Bell sold Acme Inc. to his son, Tom Bell Jr., in May.",
        "Please write to info@example.org or look at www.example.org.",
        "See Fig. 3 on p. 40 of Vol. 2.",
    ),
    "names": (
        "Margaret Atwood and Toni Morrison met in Edinburgh.",
        "The orchestra played Mozart, Vivaldi and Gershwin in Budapest.",
        "Nelson Mandela grew up in a village in the Eastern Cape.",
        "The road from Lisbon to Barcelona passes through Madrid.",
        "Henry VIII had six wives, and Louis XIV ruled in Versailles.",
        "Virginia Woolf lived in Bloomsbury with her sister Vanessa.",
        "Marie Curie was born in Warsaw and worked with Pierre.",
        "Jonathan Swift wrote about Gulliver in Dublin.",
    ),
    "questions": (
        "Where did you leave the keys to the garden shed?",
        "Have you ever seen the sea at night?",
        "Why was the bridge closed, and who decided it?",
        "Would you rather walk, or should we take the bus?",
        "How many of your friends can play the piano?",
        "Isn't that the man who sold us the boat?",
        "What time does the last ferry come back?",
        "Did she really say that nobody had asked her?",
    ),
}

LONG = (
    "The lighthouse stands on a rock that the tide covers twice a day, so its keepers were always counted in pairs. "
    "They rowed out in the calm before dawn. One of them kept a diary, in which the weather takes most of the room."
)


def main() -> None:
    """Do what the first argument says."""
    what, *rest = sys.argv[1:] or ["speed"]
    if what == "heard":
        heard(Path(rest[0]), piper="--piper" in rest)
    elif what == "table":
        table(Path(rest[0]))
    elif what == "one":
        print(json.dumps(one(rest[0])))
    else:
        speed()


def speed() -> None:
    """Each synthesizer in a process of its own, three times; the middle of them."""
    print("| voice | load, s | first sound after it, s | whole, s | sound, s | real-time factor | peak, MB |")
    print("|---|---|---|---|---|---|---|")
    for name in ("kokoro", "piper"):
        runs = [
            json.loads(subprocess.run([sys.executable, __file__, "one", name], check=True, capture_output=True).stdout)
            for _ in range(3)
        ]
        middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        factor = middle["whole"] / middle["sound"]
        figures = [f"{middle[key]:.2f}" for key in ("load", "first", "whole", "sound")]
        print(f"| {name} | {' | '.join(figures)} | {factor:.2f} | {middle['memory']:.0f} |", flush=True)


def one(name: str) -> dict[str, float]:
    """Load a synthesizer and let it speak; seconds, and megabytes at the peak."""
    began = time.perf_counter()
    speaker = _synthesizer(name)
    loaded = time.perf_counter()
    first, size = 0.0, 0
    for pcm in speaker.say(LONG, voice="alloy", early=True):
        first = first or time.perf_counter() - loaded
        size += len(pcm)
    whole = time.perf_counter() - loaded
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"load": loaded - began, "first": first, "whole": whole, "sound": size / 48_000, "memory": memory}


def heard(out: Path, *, piper: bool) -> None:
    """Let the voices speak, and the recogniser hear them; a line of JSON each."""
    from whisper_normalizer.english import EnglishTextNormalizer

    from audiochat.audio import wav
    from audiochat.config import LocalSettings
    from audiochat.local.engine import Engine

    speaker = _synthesizer("piper" if piper else "kokoro")
    recognizer = Engine(LocalSettings()).recognizer
    plain = EnglishTextNormalizer()
    done = {(row["voice"], row["text"]) for row in _rows(out)}
    # A kind after the other, and all voices of a sentence together: what there is is even, wherever it stops.
    turns = [(kind, texts[at]) for at in range(8) for kind, texts in SENTENCES.items()]
    with out.open("a", encoding="utf-8") as file:
        for kind, text in turns:
            for voice in ("piper",) if piper else VOICES:
                if (voice, text) in done:
                    continue
                pcm = b"".join(speaker.say(text, voice=voice))
                got = recognizer.hear(wav.wrap(pcm)).text.strip()
                said, understood = plain(text).split(), plain(got).split()
                errors = _distance(understood, said)
                row = {"kind": kind, "voice": voice, "text": text, "heard": got, "errors": errors, "words": len(said)}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                file.flush()


def table(out: Path) -> None:
    """Print what was heard: word error rates, and the worst."""
    rows = _rows(out)
    kinds = list(SENTENCES)
    print(f"{len(rows)} sentences heard")
    print(f"| voice | {' | '.join(kinds)} | all |\n|---|{'---|' * (len(kinds) + 1)}")
    voices: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        voices[row["voice"]].append(row)
    for voice, own in [*voices.items(), ("all", rows)]:
        cells = [_rate([row for row in own if row["kind"] == kind]) for kind in kinds]
        print(f"| {voice} | {' | '.join(cells)} | {_rate(own)} |")
    for row in sorted(rows, key=lambda row: -row["errors"] / row["words"])[:10]:
        print(f"- {row['voice']}, {row['errors']} of {row['words']}: {row['text']!r} heard as {row['heard']!r}")


def _rate(rows: list[dict[str, Any]]) -> str:
    words = sum(row["words"] for row in rows)
    return f"{sum(row['errors'] for row in rows) / words:.3f}" if words else "-"


def _rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] if out.exists() else []


def _synthesizer(name: str) -> Any:
    from audiochat.local import fetch, models
    from audiochat.progress import NoProgress

    if name == "piper":
        from audiochat.local.tts import Piper

        fetch.ensure([models.JOE], NoProgress())
        return Piper(None)
    from audiochat.local.kokoro import Kokoro

    fetch.ensure([models.KOKORO], NoProgress())
    return Kokoro(NoProgress())


def _distance(heard: list[str], said: list[str]) -> int:
    """Words to change, add or leave out."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        previous, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (word != other))
    return row[-1]


if __name__ == "__main__":
    main()
