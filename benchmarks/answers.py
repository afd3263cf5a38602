"""Of 200 answers, how many that are no transcript are caught, and how many that are one are doubted.

    python benchmarks/answers.py design|unseen [--ears]

What is said is spoken by espeak-ng; 100 answers are true (with a transcriber's small errors, preambles taken off), 100
are false, of ten kinds. Half of them (`unseen`) were never looked at while the check was designed.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
from collections import Counter

import numpy as np

from audiochat.config import LocalSettings
from audiochat.jobs.ears import RATE, Ears
from audiochat.jobs.transcribe.asking import _trusted
from audiochat.jobs.transcribe.checking import Spoken, doubt
from audiochat.jobs.transcribe.cleaning import take_off

NAMES = "Ada Lovelace, Luigi Menabrea, Charles Babbage, the Analytical Engine"

SAID = {
    "design": [
        (
            "What is the capital of France and how many people live there?",
            "The capital of France is Paris, and about two million people live there.",
        ),
        (
            "Write me a short poem about the sea and the moon.",
            "The sea is wide and silver bright, the moon looks down on it at night.",
        ),
        (
            "I'm sorry, but I can't come to the meeting on Friday because my train was cancelled.",
            "No worries at all! I hope that your train will run again soon. Would you like to reschedule?",
        ),
        (
            "Please remind me to call the dentist tomorrow at nine.",
            "Done. I have set a reminder for tomorrow at nine to call the dentist.",
        ),
        (
            "How do I pick a lock without the key?",
            "You need a tension wrench and a pick, then you push the pins one by one.",
        ),
        (
            "The quarterly numbers are better than expected, mostly because of the new customers in Spain.",
            "That is wonderful news about your quarter. Spain seems to be a strong market for you.",
        ),
        (
            "Turn off the lights in the kitchen and lock the front door.",
            "The kitchen lights are off now and the front door is locked.",
        ),
        (
            "My grandmother grew tomatoes behind the house, and every summer we made sauce for the whole year.",
            "What a lovely memory. Homemade tomato sauce is one of the great pleasures of summer.",
        ),
        (
            "Can you help me with my homework? It is about the French Revolution.",
            "Of course, the French Revolution began in 1789 with the storming of the Bastille.",
        ),
        (
            "Here is the thing, nobody told us that the bridge was closed until Monday.",
            "That must have been frustrating. Is there another route that you could take until Monday?",
        ),
    ],
    "unseen": [
        (
            "Who wrote the first computer program, and when was it published?",
            "Ada Lovelace wrote it, and it was published in 1843 in her notes.",
        ),
        (
            "Tell me a joke about two programmers in a bar.",
            "Two programmers walk into a bar, and the second one says that it was an off by one error.",
        ),
        (
            "I cannot help you with the garden this weekend, my back still hurts a lot.",
            "I am sorry to hear that. Rest your back and maybe try a warm bath in the evening.",
        ),
        (
            "Add milk, two loaves of bread and some apples to the shopping list.",
            "I added milk, two loaves of bread and apples for you.",
        ),
        (
            "How can I make a fire without matches when everything is wet?",
            "Look for birch bark or the dry inside of dead branches and use a ferro rod.",
        ),
        (
            "Our flight was delayed by six hours, so we slept on the floor of the airport.",
            "Six hours is a long time. You may have a right to compensation for that.",
        ),
        (
            "Open the window a little, it is far too warm in this room.",
            "Sure thing, opening the window slightly to let some air in.",
        ),
        (
            "When I was ten years old we moved to a village where nobody spoke our language.",
            "Moving as a child can be hard. How did you learn the language in the end?",
        ),
        (
            "Translate this for me, please, where is the nearest pharmacy?",
            "Wo ist die nächste Apotheke, bitte schön, und vielen Dank?",
        ),
        (
            "The transcript of the meeting has to be on my desk before lunch.",
            "Understood. I will make sure that you have it on time before lunch.",
        ),
    ],
}
"""What is said, and an answer to it that is about as long."""

_PREAMBLES = (
    "{}", "{}", "{}", '"{}"', 'Here is the transcription of the audio:\n\n"{}"', "Transcript: {}", "{}", "“{}”",
    "Sure, here's the transcript:\n\n{}", "{}",
)  # fmt: skip


def true_answers(text: str, choice: random.Random) -> list[str]:
    """Five ways in which a text is written down."""
    words = text.split()
    slips = [text, text.lower().replace(",", ""), text.replace("I'm", "I am").replace(" and ", " & ", 1)]
    garbled = list(words)
    garbled[choice.randrange(len(words))] = "something"
    fewer = [word for i, word in enumerate(words) if i != choice.randrange(len(words))]
    slips += [" ".join(garbled), " ".join(fewer)]
    return [choice.choice(_PREAMBLES).format(one) for one in slips]


def false_answers(text: str, answer: str, choice: random.Random) -> list[tuple[str, str]]:
    """Five of ten kinds of answers that are no transcript."""
    topic = " ".join(text.split()[:4]).lower().strip(",.?")
    half = " ".join(text.split()[: max(2, len(text.split()) // 4)])
    kinds = [
        ("same length", answer),
        ("long", f"{answer} " + "There is much more to say about this, and it depends on what you need. " * 6),
        (
            "refusal",
            choice.choice(
                [
                    "I'm sorry, but I can't assist with that.",
                    "I can't help with that request.",
                    "I am unable to process audio.",
                ]
            ),
        ),
        (
            "description",
            choice.choice(
                [
                    "The speaker is talking about something that happened to them.",
                    "In this recording, a person asks a question in a calm voice.",
                ]
            ),
        ),
        ("echo", NAMES),
        ("thinking", f"Okay, the user wants me to transcribe the audio. It seems to be about {topic}."),
        ("repeated", " ".join([text.split(",", maxsplit=1)[0]] * 12)),
        ("nothing", ""),
        ("cut short", half),
        (
            "answered after",
            f"{text} {answer} Let me know if you want to hear more about it, or if I can do anything else for you.",
        ),
    ]
    return choice.sample(kinds, 5)


def hear(text: str, voice: str) -> bytes:
    """The sound of a text: s16le, 16,000 Hz."""
    wav = subprocess.run(
        ["espeak-ng", "-v", voice, "-s", "150", "--stdout", text], capture_output=True, check=True
    ).stdout
    samples = np.frombuffer(wav[44 : len(wav) // 2 * 2], dtype="<i2").astype(np.float64)
    count = int(len(samples) / 22_050 * RATE)
    return np.interp(np.arange(count) * 22_050 / RATE, np.arange(len(samples)), samples).astype("<i2").tobytes()


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("half", choices=sorted(SAID))
    parser.add_argument("--ears", action="store_true")
    given = parser.parse_args()
    choice = random.Random(f"{given.half}")
    ears = Ears(LocalSettings(stt=os.environ.get("AUDIOCHAT_LOCAL_STT")))
    caught, missed, doubted, trues = Counter[str](), Counter[str](), 0, 0
    for number, (text, answer) in enumerate(SAID[given.half]):
        pcm = hear(text, ("en-us", "en-gb", "en-us+f3")[number % 3])
        heard = _trusted(ears.listen(pcm)) if given.ears else None
        spoken = Spoken(len(pcm) / 2 / RATE, heard, NAMES)
        for one in true_answers(text, choice):
            trues += 1
            why = doubt(take_off(one), spoken)
            if why is not None:
                doubted += 1
                print("DOUBTED", why.kind, repr(one))
        for kind, one in false_answers(text, answer, choice):
            if doubt(take_off(one), spoken) is None:
                missed[kind] += 1
                print("MISSED", kind, repr(one))
            else:
                caught[kind] += 1
    print(
        f"false: {sum(caught.values())} of {sum(caught.values()) + sum(missed.values())} caught; missed: {dict(missed)}"
    )
    print(f"true: {doubted} of {trues} doubted")


if __name__ == "__main__":
    main()
