"""Taking off what a model puts around a transcript: thinking, a preamble, quotation marks, fences, labels, times."""

from __future__ import annotations

import json
import re

_THINKING = re.compile(r"<(think|thinking|reasoning|analysis)>.*?</\1>\s*", re.IGNORECASE | re.DOTALL)
_FENCE = re.compile(r"\A\s*```[a-z]*\s*\n(.*?)\n?```\s*\Z", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"\A\s*<(transcript|transcription)>\s*(.*?)\s*</\1>\s*\Z", re.IGNORECASE | re.DOTALL)
_ABOUT = (
    r"transcri(?:pt|ption|bed|be)|audio|recording|clip|speech|speaker|spoken|said|says|words|verbatim|text"
    r"|transkript\w*|aufnahme|wortlaut|transcripci[oó]n|audio|grabaci[oó]n|enregistrement|trascrizione|transcrição"
)
_OPENING = (
    r"sure|certainly|of course|okay|ok|absolutely|here(?:'s|’s| is| are)|this is|the|gerne|natürlich|hier ist|das|"
    r"voici|bien sûr|claro|aquí|certamente|ecco|transcri|verbatim"
)
_PREAMBLE = re.compile(
    rf"\A\W*(?=(?:{_OPENING}))[^\n:：]{{0,160}}?\b(?:{_ABOUT})[^\n:：]{{0,120}}[:：]\W*?(?=[\n\"“”'«„]|\s*[*_]*[\"“«„'])",
    re.IGNORECASE,
)
_EXPLICIT = re.compile(
    r"\A\W*(?:here(?:'s|’s| is) (?:the|a|your|my) (?:[a-z-]+ ){0,2}(?:transcript(?:ion)?|text|wording)\b[^:\n]{0,60}"
    r"|the (?:recording|audio|clip) (?:says|goes)|"
    r"hier ist (?:das|die|der) (?:[a-zäöü]+ )?(?:transkript\w*|wortlaut|abschrift)[^:\n]{0,60}"
    r"|voici la transcription[^:\n]{0,60}|aquí está la transcripción[^:\n]{0,60})[:：]\s*",
    re.IGNORECASE,
)
_HEADLINE = re.compile(
    r"\A\W*(?:(?:verbatim|full|complete|exact|audio|raw|word-for-word)\s+)*(?:transcript|transcription|transkript\w*)\W*\n"
    r"[\s\-=_*~]*",
    re.IGNORECASE,
)
_LABEL = re.compile(r"\A\W*(?:transcript|transcription|transkript\w*)\W{0,3}[:：]\s*", re.IGNORECASE)
_CLOSING = re.compile(
    r"\n\s*\n[^\n]*\b(?:let me know|feel free|if you (?:need|would like|want|have)|would you like|hope this helps|"
    r"is there anything else|anything else i can|lassen sie mich wissen|n'hésitez pas)\b[^\n]*\Z",
    re.IGNORECASE,
)
_KEYS = ("transcript", "transcription", "text", "content", "words")
_TIME = r"\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?"
_CUE_HEADS = re.compile(
    rf"\AWEBVTT[^\n]*\n+|^(?:\d+[ \t]*\n)?[ \t]*{_TIME}\s*-->\s*{_TIME}[^\n]*(?:\n|\Z)", re.MULTILINE
)
"""What stands before the words of a cue; a time alone, in brackets or not, may be said."""
_PERSON = r"speaker|sprecher(?:in)?|locuteur|locutrice|hablante|parlante|orateur|spreker|интервьюер|спикер"
_LINE_MARKS = re.compile(
    rf"^\s*(?:(?:[\[(]\s*{_TIME}(?:\s*(?:-->|[-–—]|to)\s*{_TIME})?\s*[\])]|{_TIME}\s*(?:-->|[-–—])\s*{_TIME}"
    rf"|\d{{2}}:\d{{2}}:\d{{2}})\s*[:\-–]?\s*)?"
    rf"(?:[*_\[(]*(?:{_PERSON})\s*#?(?:\d{{1,2}}|[A-Z])\s*[*_\])]*\s*[:：][*_]*\s*)?",
    re.IGNORECASE,
)
_SOUND = (
    r"(?:[a-z]+ )?(?:music|laughter|laughs?|laughing|chuckles?|applause|silence|noises?|pause|coughs?|coughing|sighs?"
    r"|beep|static|breathing|clears throat|blank_audio|musik|gelächter|lachen|applaus|stille"
    r"|musique|rires|música|risas)"
    r"(?: playing| continues)?"
)
_SOUNDS = re.compile(rf"\s*(?:\[\s*{_SOUND}\s*\]|\(\s*{_SOUND}\s*\)|\*\s*{_SOUND}\s*\*)\s*", re.IGNORECASE)
_NOTHING_SAID = re.compile(
    r"\W*(?:(?:there (?:is|was|are)|i (?:hear|heard|detect)) )?no (?:\w+ ){0,2}"
    r"(?:speech|words|voice|audio|dialogue)"
    r"(?: (?:is|was|can be|could be))?(?: (?:detected|present|found|audible|recognized))?"
    r"(?: (?:in|on) (?:the|this) (?:audio|recording|clip|file))?\W*"
    r"|\W*(?:inaudible|unintelligible|unverständlich)\W*",
    re.IGNORECASE,
)
_CAN_BE_SAID = re.compile(r"\W*no (?:words|voice|audio|dialogue|speech)\W*", re.IGNORECASE)
"""What a model writes instead of nothing, and the little of it that a person may say: that stays."""
_QUOTES = (("“", "”"), ('"', '"'), ("«", "»"), ("„", "“"), ("「", "」"), ("‘", "’"), ("'", "'"))


def take_off(text: str) -> str:
    """The transcript in an answer, without what stands around it."""
    text = _THINKING.sub("", text).strip()
    for pattern, group in ((_FENCE, 1), (_TAG, 2)):
        if found := pattern.match(text):
            text = found[group].strip()
    text = _of_json(text) or text
    text, preamble = _without_preamble(text)
    if preamble:
        text = _CLOSING.sub("", text).strip()
    text = without_marks(unquoted(text))
    nothing = _NOTHING_SAID.fullmatch(text) and not _CAN_BE_SAID.fullmatch(text)
    return "" if nothing else unquoted(text)


def without_marks(text: str) -> str:
    """A transcript without what is written in one and not said: names of speakers by number, times, sounds."""
    lines = _CUE_HEADS.sub("", text).splitlines()
    if lines and all(line.lstrip().startswith(">") for line in lines if line.strip()):
        lines = [line.lstrip().removeprefix(">") for line in lines]
    plain = (_LINE_MARKS.sub("", line) for line in lines)
    return _SOUNDS.sub(" ", "\n".join(plain)).strip()


def _of_json(text: str) -> str | None:
    """The transcript in JSON: an object that has it, or a list of such; None where it is none."""
    if not text.startswith(("{", "[{")):
        return None
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(told, dict):
        lists = (value for key in ("segments", "utterances") if isinstance(value := told.get(key), list))
        told = [told, *next(lists, [])] if not any(isinstance(told.get(key), str) for key in _KEYS) else [told]
    parts = [next((one[key] for key in _KEYS if isinstance(one.get(key), str)), "") for one in told if _is_dict(one)]
    return "\n".join(filter(None, parts)) or None


def _is_dict(value: object) -> bool:
    return isinstance(value, dict)


def _without_preamble(text: str) -> tuple[str, bool]:
    for pattern in (_PREAMBLE, _EXPLICIT, _HEADLINE, _LABEL):
        if (found := pattern.match(text)) and text[found.end() :].strip():
            rest = text[found.end() :].strip().lstrip("*_").strip()
            quoted = _quoted_start(rest)
            return (quoted or rest), True
    return text, False


def _quoted_start(text: str) -> str | None:
    """What stands in quotation marks at the start, where little follows them: a remark, say."""
    for opening, closing in _QUOTES:
        if text.startswith(opening) and (end := text.rfind(closing)) > 0:
            return text[: end + 1] if len(text) - end < max(40, end) else None
    return None


def unquoted(text: str) -> str:
    """The same text without quotation marks that are around all of it."""
    for opening, closing in _QUOTES:
        inner = text[len(opening) : -len(closing)]
        around = len(text) > 2 and text.startswith(opening) and text.endswith(closing)
        if around and opening not in inner and closing not in inner:
            return inner.strip()
    return text
