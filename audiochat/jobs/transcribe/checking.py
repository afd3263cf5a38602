"""Whether an answer is a transcript: against what the recogniser heard, or else by its shape.

A model that should write down what it hears may answer it instead, refuse, describe, think aloud, repeat a line, echo
its instructions or stop half way. Where a second listener has heard the words, they tell these apart whatever they
look like; otherwise what gives them away is how models talk when they answer, and how fast people can speak.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audiochat.jobs.transcribe.tells import HINTS, TELLS
from audiochat.jobs.transcribe.words import plain_words

if TYPE_CHECKING:
    from collections.abc import Sequence

ANSWERED, MISSING, ADDED, REPEATED, ECHOED, NOTHING = "answered", "missing", "added", "repeated", "echoed", "nothing"

_UNLIKE_WORDS, _UNLIKE_LETTERS = 0.5, 0.42
"""Word and letter error rates beyond which two texts are not of the same speech."""
_RUN = 12
"""Words that one of the two has and the other has nothing like: more than any mishearing."""
_FEW = 4
"""Words of a second listener that are too few to judge by."""
_FASTEST, _SLOWEST = 6.5, 0.8
"""Words a second of the fastest speech, and of the slowest that lasts longer than `_A_MOMENT`."""
_A_MOMENT, _A_WHILE = 2.5, 12.0
_A_NOISE = 5.0
"""Seconds of what seemed to be speech and may be a cough or a door."""
_SLACK = 6
"""Words beyond the fastest that a short piece may have: its speech is measured roughly."""
_SENTENCE, _SAME = 8, 90
"""Words that are enough to know what the model was told by, and how alike they are, in per cent."""
_LOOP = 12
"""Words of a line that is repeated, its first time not counted, that are more than anybody says."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why an answer is taken for no transcript."""

    kind: str
    reason: str
    """For a person."""
    weak: bool = False
    """Whether it is forgotten when the next answer says the same: it may be a noise, or slow speech."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What is known about the sound of a piece."""

    seconds: float
    """Of the speech in it."""
    heard: tuple[str, ...] | None = None
    """The words that a second listener heard, as `words.plain` gives them; None where there is none to trust."""
    prompt: str = ""
    """What the model was given to spell names by."""
    instructions: tuple[str, ...] = ()
    """What else it was told, which can come back, too."""


def doubt(text: str, spoken: Spoken) -> Doubt | None:
    """Why a text is taken for no transcript of a piece; None where it is believed."""
    words = plain_words(text)
    if not words:
        return _of_nothing(spoken)
    if spoken.heard is not None and len(spoken.heard) >= _FEW:
        return _against_heard(words, spoken.heard, spoken)
    return _by_shape(text, words, spoken)


def _of_nothing(spoken: Spoken) -> Doubt | None:
    if spoken.heard is not None and len(spoken.heard) < _FEW:
        return None
    weak = spoken.heard is None and spoken.seconds <= _A_NOISE
    return Doubt(NOTHING, "nothing was written down", weak=weak)


def _against_heard(words: Sequence[str], heard: Sequence[str], spoken: Spoken) -> Doubt | None:
    from rapidfuzz.distance import Levenshtein

    if _is_loop(words) and len(words) > 1.5 * len(heard):
        return Doubt(REPEATED, "the same words come again and again")
    removed, added = _runs(words, heard)
    if removed > max(_RUN, 0.3 * len(heard)) or removed > 3 * _RUN:
        return Doubt(MISSING, f"{removed} words in a row are missing that were heard")
    word_errors = Levenshtein.distance(words, heard) / max(len(words), len(heard))
    letters, heard_letters = "".join(words), "".join(heard)
    letter_errors = Levenshtein.distance(letters, heard_letters) / max(len(letters), len(heard_letters))
    if word_errors > _UNLIKE_WORDS and letter_errors > _UNLIKE_LETTERS:
        if _is_echo(words, spoken):
            return Doubt(ECHOED, "the prompt came back")
        return Doubt(ANSWERED, "it has little in common with what was heard")
    if added > max(_RUN, 0.3 * len(words)):
        return Doubt(ADDED, f"{added} words in a row were not heard")
    return None


def _runs(words: Sequence[str], heard: Sequence[str]) -> tuple[int, int]:
    """The longest run of words that were heard and not written, and of those written and not heard."""
    from rapidfuzz.distance import Levenshtein

    removed = added = 0
    for code in Levenshtein.opcodes(heard, words):
        gone, come = code.src_end - code.src_start, code.dest_end - code.dest_start
        if code.tag == "delete":
            removed = max(removed, gone)
        elif code.tag == "insert":
            added = max(added, come)
    return removed, added


def _by_shape(text: str, words: Sequence[str], spoken: Spoken) -> Doubt | None:
    pace = len(words) / max(spoken.seconds, 0.1)
    if _is_loop(words):
        return Doubt(REPEATED, "the same words come again and again")
    if _is_echo(words, spoken):
        return Doubt(ECHOED, "the prompt came back")
    if len(words) > spoken.seconds * _FASTEST + _SLACK and not _is_unspaced(text):
        return Doubt(ANSWERED, f"{len(words)} words are more than can be said in {spoken.seconds:.0f} s")
    for pattern in TELLS:
        if pattern.search(text):
            return Doubt(ANSWERED, "it reads like an answer, not like what was said")
    if spoken.seconds > _A_MOMENT and pace < _SLOWEST:
        told = f"{len(words)} words are few for {spoken.seconds:.0f} s of speech"
        return Doubt(MISSING, told, weak=spoken.seconds < _A_WHILE)
    if any(pattern.search(text) for pattern in HINTS):
        return Doubt(ANSWERED, "it reads like a summary, not like what was said", weak=True)
    return None


def _is_unspaced(text: str) -> bool:
    """Whether it is in a script in which each character counts as a word."""
    return len(text) < 2 * len(plain_words(text))


def _is_loop(words: Sequence[str]) -> bool:
    """Whether most of it is one line over and over: four times and more, without anything between."""
    for period in range(1, len(words) // 4 + 1):
        run = 0
        for i in range(period, len(words)):
            run = run + 1 if words[i] == words[i - period] else 0
            if run >= max(3 * period, _LOOP) and run + period > len(words) / 2:
                return True
    return False


def _is_echo(words: Sequence[str], spoken: Spoken) -> bool:
    """Whether it is what the model was given to spell by, not what it heard."""
    from rapidfuzz import fuzz
    from rapidfuzz.distance import Levenshtein

    said = " ".join(words)
    if len(words) >= _SENTENCE and any(
        fuzz.partial_ratio(said, " ".join(plain_words(told))) > _SAME for told in spoken.instructions
    ):
        return True
    given = plain_words(spoken.prompt)
    if len(given) < 3:
        return False
    rate: float = Levenshtein.normalized_similarity(list(words), given)
    return rate > 0.7
