"""A text cut into parts that are read in one breath: whole sentences where they are not too long. Nothing is lost."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from audiochat.jobs.narrate.book import is_speakable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

USUAL = 300
"""Characters up to which sentences are put together: some 20 seconds. Longer texts are paraphrased more often."""
LONGEST = 600
"""Characters of one part, whatever the sentence."""
TINY = 8
"""Letters and digits below which a text is not read by itself: a model would answer a lone `No.`"""

_CLAUSE = re.compile(r"[,;:–—)\]}»”]\s+|[、，；：]")
_SYLLABIC = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_SPACE = re.compile(r"\s+")
_SENTENCE = re.compile(r"[.!?…。！？]+[\"'”’»)\]]*\s+|[。！？]+")


def split(text: str, language: str) -> list[str]:
    """Parts of a text; joined they are the text.

    Args:
        text: A paragraph or heading.
        language: An ISO 639 code.
    """
    parts: list[str] = []
    for sentence in _sentences(text, language):
        for part in _shortened(sentence):
            if parts and _belongs_before(parts[-1], part):
                parts[-1] += part
            else:
                parts.append(part)
    return parts


def is_tiny(text: str) -> bool:
    """Whether a text is too short to be read by itself."""
    return size("".join(character for character in text if character.isalnum())) < TINY


def size(text: str) -> int:
    """How long a text is to read, in letters: a character of Chinese, Japanese or Korean is said like three."""
    return len(text) + 2 * len(_SYLLABIC.findall(text))


def _belongs_before(before: str, part: str) -> bool:
    together = size(before) + size(part)
    if together <= USUAL:
        return True
    return (is_tiny(before) or is_tiny(part) or not is_speakable(part)) and together <= LONGEST


def _sentences(text: str, language: str) -> list[str]:
    found = list(_splitter()(language, text))
    # What the splitter loses is worse than a cut that it would have found.
    return found if "".join(found) == text else list(_cut_after(text, _SENTENCE))


@cache
def _splitter() -> Callable[[str, str], list[str]]:
    from sentencex import segment

    found: Callable[[str, str], list[str]] = segment
    return found


def _shortened(sentence: str) -> Iterator[str]:
    """A sentence in parts of at most `LONGEST` characters, cut at clauses, else between words, else anywhere."""
    while size(sentence) > LONGEST:
        # Cut by characters: where all are syllables, a third of them.
        beginning = sentence[:LONGEST]
        longest = max(1, len(beginning) * LONGEST // size(beginning))
        end = _last(_CLAUSE, sentence, longest) or _last(_SPACE, sentence, longest) or longest
        yield sentence[:end]
        sentence = sentence[end:]
    if sentence:
        yield sentence


def _last(pattern: re.Pattern[str], sentence: str, longest: int) -> int:
    """Where the last match ends that leaves a part which is neither too short nor too long; 0 without one."""
    ends = [found.end() for found in pattern.finditer(sentence, 0, longest) if found.end() > longest // 3]
    return ends[-1] if ends else 0


def _cut_after(text: str, pattern: re.Pattern[str]) -> Iterator[str]:
    start = 0
    for found in pattern.finditer(text):
        yield text[start : found.end()]
        start = found.end()
    if start < len(text):
        yield text[start:]
