"""Which language a text is written in, so that it is never read with another language's phonemes."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

from audiochat.chat.voices import SPOKEN
from audiochat.errors import RefusedError
from audiochat.local.language_names import NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

TOLD_APART = ("ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "nl", "pl", "pt", "ru", "sv", "tr", "zh")
"""The languages of the voices, and those that would be mistaken for them."""

_SURE = 0.7
"""The share of a language that is taken for the text's."""
_NOT_ENGLISH = 0.02
"""The share of English below which a text is not English: names and quotations in it are not its language."""

_COMMON_ENGLISH = frozenset(
    re.findall(
        r"\w+",
        "the a and is of it that this with you are from they what have my your was for not but there "
        "their them these those which would because about",
    )
)
_DUTCH_TOO = frozenset(("is", "of", "was"))
_ENGLISH_SHARE = 0.3
"""The share of these words that a foreign sentence with an English title in it does not reach."""


def language_of(text: str) -> str:
    """The language of a text, one of `TOLD_APART`; English where nothing else is clear."""
    if not text.strip() or _plainly_english(text):
        return "en"
    shares = _shares(text)
    best = max(shares, key=shares.__getitem__)
    return best if shares[best] >= _SURE and shares["en"] < _NOT_ENGLISH else "en"


def spoken_language(text: str, asked: str | None = None) -> str:
    """The language to speak a text in.

    Args:
        text: What is spoken.
        asked: The user's word for it, as a BCP 47 tag (`fr`, `pt-BR`); None finds it out.

    Raises:
        RefusedError: the engine has no phonemes for it.
    """
    language = asked.lower().replace("_", "-").partition("-")[0] if asked else language_of(text)
    if language in SPOKEN:
        return language
    name = NAMES[language].title() if language in NAMES else repr(asked)
    raise RefusedError(
        f"The local engine cannot speak {name}: it has no phonemes for it.",
        hint=f"It speaks {', '.join(NAMES[one].title() for one in sorted(SPOKEN))}. If the text is in one of these, "
        "name its language.",
        code="language_not_supported",
    )


def _plainly_english(text: str) -> bool:
    """Whether the commonest words alone tell it: most sentences then need not wait for the detector to be loaded."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    common = [word for word in words if word in _COMMON_ENGLISH]
    different = set(common)
    return len(different) >= 2 and not different <= _DUTCH_TOO and len(common) >= _ENGLISH_SHARE * len(words)


def _shares(text: str) -> Mapping[str, float]:
    return {language: float(share) for language, share in _identifier().rank(text)}


@functools.cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(TOLD_APART))
    return identifier
