"""Taking off what a model puts around a transcript: thinking, a preamble, quotation marks, fences."""

from __future__ import annotations

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
_LABEL = re.compile(r"\A\W*(?:transcript|transcription|transkript\w*)\W{0,3}[:：]\s*", re.IGNORECASE)
_CLOSING = re.compile(
    r"\n\s*\n[^\n]*\b(?:let me know|feel free|if you (?:need|would like|want|have)|would you like|hope this helps|"
    r"is there anything else|anything else i can|lassen sie mich wissen|n'hésitez pas)\b[^\n]*\Z",
    re.IGNORECASE,
)
_QUOTES = (("“", "”"), ('"', '"'), ("«", "»"), ("„", "“"), ("「", "」"), ("‘", "’"), ("'", "'"))


def take_off(text: str) -> str:
    """The transcript in an answer, without what stands around it."""
    text = _THINKING.sub("", text).strip()
    for pattern, group in ((_FENCE, 1), (_TAG, 2)):
        if found := pattern.match(text):
            text = found[group].strip()
    text, preamble = _without_preamble(text)
    if preamble:
        text = _CLOSING.sub("", text).strip()
    return unquoted(text)


def _without_preamble(text: str) -> tuple[str, bool]:
    for pattern in (_PREAMBLE, _LABEL):
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
