"""A scripted service that reads aloud, well or badly, and notes what it was asked."""

from __future__ import annotations

import json
import re
import struct
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from audiochat.audio import wav
from support.service import completion

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.service import Answer, Received

_WORD = 0.1
"""Seconds of sound for each word."""


def sound_of(text: str) -> bytes:
    """Samples that are as long as the text has words, with a tone of its own."""
    count = max(1, round(24_000 * _WORD * len(text.split())))
    step = 20 + sum(text.encode()) % 60
    return struct.pack(f"<{count}h", *((n * step) % 8000 - 4000 for n in range(count)))


class Narrator:
    """Answers with the text that it was sent, and its sound.

    Args:
        words: The words that it says that it spoke, of a text, and of how often it was asked for that already.
        sounds: The sound of those words, of them, and of how often it was asked for that already.
    """

    def __init__(
        self,
        words: Callable[[str, int], str | None] = lambda text, _: text,
        sounds: Callable[[str, int], bytes] = lambda text, _: sound_of(text),
    ) -> None:
        self.asked: Counter[str] = Counter()
        self.systems: list[str] = []
        self._words = words
        self._sounds = sounds
        self._lock = threading.Lock()

    def __call__(self, received: Received) -> Answer:
        """Answer a request."""
        system, user = received.json["messages"]
        text = user["content"]
        with self._lock:
            before = self.asked[text]
            self.asked[text] += 1
            self.systems.append(system["content"])
        read = self._words(text, before)
        if read is None:
            return completion(content="I cannot speak.")
        return completion(read, wav.wrap(self._sounds(read, before)))


def paraphrased(text: str) -> str:
    """The same in other words."""
    return "In other terms, " + " ".join(reversed(text.lower().split()))


def without_last_sentence(text: str) -> str:
    """All but the last sentence; of a single one, all but its second half."""
    sentences = re.split(r"(?<=[.!?])\s+", text)
    words = text.split()
    return " ".join(sentences[:-1]) if len(sentences) > 1 else " ".join(words[: len(words) // 2])


def without_not(text: str) -> str:
    """Without its first negation."""
    return re.sub(r"\b(not|never|no) ", "", text, count=1)


def answered(_: str) -> str:
    """What a model says that takes a text for a message."""
    return "That's a great question! I'd be happy to help you with that. What would you like to know?"


def body(answer: Answer) -> Any:
    """The JSON of an answer."""
    return json.loads(answer.body)
