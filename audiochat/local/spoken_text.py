"""Text as it is written, turned into what a reader says, for the languages of the engine's voices.

Of the libraries that do this, spokenform (0.4) is the fullest; it also makes "in the 1980s" into "inch the nineteen
eighties". Others need a compiled grammar of 100 MB. These rules do less, and nothing to a word that they do not know.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class _Words:
    """What a language says for signs and abbreviations."""

    at: str
    dot: str
    slash: str
    dash: str = "-"
    hours: str | None = None
    """Between hours and minutes; None reads them one after the other."""
    and_: str = "&"
    minus: str = "-"
    percent: str = "%"
    point: str = ","
    decimal: str = ","
    """What stands before a decimal fraction; the other of comma and full stop groups thousands."""
    money: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Of one, and of more."""
    abbreviations: Mapping[str, str] = field(default_factory=dict)


_WORDS = {
    "en": _Words(at="at", dot="dot", slash="slash", dash="dash"),
    "fr": _Words(
        at="arobase",
        dot="point",
        slash="barre oblique",
        dash="tiret",
        hours="heures",
        and_="et",
        minus="moins",
        percent="pour cent",
        point="virgule",
        money={"€": ("euro", "euros"), "$": ("dollar", "dollars"), "£": ("livre", "livres")},
        abbreviations={"M.": "Monsieur", "MM.": "Messieurs", "Mme": "Madame", "Mlle": "Mademoiselle"}
        | {"Dr": "Docteur", "Dr.": "Docteur", "Pr": "Professeur", "St": "Saint", "Ste": "Sainte", "n°": "numéro"},
    ),
    "es": _Words(
        at="arroba",
        dot="punto",
        slash="barra",
        dash="guion",
        hours="y",
        and_="y",
        minus="menos",
        percent="por ciento",
        point="coma",
        money={"€": ("euro", "euros"), "$": ("dólar", "dólares"), "£": ("libra", "libras")},
        abbreviations={"Sr.": "Señor", "Sra.": "Señora", "Srta.": "Señorita", "Dr.": "Doctor", "Dra.": "Doctora"}
        | {"D.": "Don", "Ud.": "usted", "Uds.": "ustedes", "EE. UU.": "Estados Unidos", "n.º": "número"},
    ),
    "it": _Words(
        at="chiocciola",
        dot="punto",
        slash="barra",
        dash="trattino",
        hours="e",
        and_="e",
        minus="meno",
        percent="per cento",
        point="virgola",
        money={"€": ("euro", "euro"), "$": ("dollaro", "dollari"), "£": ("sterlina", "sterline")},
        abbreviations={
            "Sig.": "Signor",
            "Sig.ra": "Signora",
            "Dott.": "Dottor",
            "dott.": "dottor",
            "Prof.": "Professor",
        }
        | {"n.": "numero"},
    ),
    "pt": _Words(
        at="arroba",
        dot="ponto",
        slash="barra",
        dash="hífen",
        hours="e",
        and_="e",
        minus="menos",
        percent="por cento",
        point="vírgula",
        money={"R$": ("real", "reais"), "€": ("euro", "euros"), "$": ("dólar", "dólares"), "£": ("libra", "libras")},
        abbreviations={"Sr.": "Senhor", "Sra.": "Senhora", "Dr.": "Doutor", "Dra.": "Doutora", "nº": "número"},
    ),
    "hi": _Words(
        at="ऐट",
        dot="डॉट",
        slash="स्लैश",
        point="दशमलव",
        decimal=".",
        percent="प्रतिशत",
        money={"₹": ("रुपया", "रुपये")},
        abbreviations={"डॉ.": "डॉक्टर", "श्री.": "श्री", "प्रो.": "प्रोफ़ेसर"},
    ),
}

_MAIL = re.compile(r"\b([\w.+-]+)@([\w-]+(?:\.[\w-]+)+)\b")
_URL = re.compile(
    r"(?:https?://)?(?<![\w@.])((?:www\.)?[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|io|dev|edu|gov|info|fr|es|it|br|in|uk|de|eu)"
    r"(?::\d+)?)((?:/[\w~%+-]+(?:\.\w+)*)*)/?(?:[?#][^\s)]*)?"
)


def spoken_text(text: str, language: str, *, british: bool = False) -> str:
    """A text as a reader of its language says it.

    Args:
        text: A sentence, or several.
        language: Of the text, without a region: one of `chat.voices.SPOKEN`.
        british: Dates in figures are the day first.
    """
    text = unicodedata.normalize("NFC", text).replace("\u00a0", " ").replace("\u202f", " ").replace("\u2019", "'")
    words = _WORDS[language]
    text = _MAIL.sub(lambda found: f"{_spelled(found[1], words)} {words.at} {_spelled(found[2], words)}", text)
    text = _URL.sub(lambda found: _address(found[1], found[2], words), text)
    if language == "en":
        from audiochat.local.spoken_english import english

        text = english(text, day_first=british)
    else:
        text = _other(text, words)
    return " ".join(text.split())


def _spelled(text: str, words: _Words) -> str:
    said = {".": words.dot, "/": words.slash, "-": words.dash, "_": " ", "+": "plus", ":": " "}
    return " ".join(re.sub(r"[./_+:-]", lambda found: f" {said[found[0]]} ", text).split())


def _address(host: str, path: str, words: _Words) -> str:
    named = f"W W W {words.dot} " if host.startswith("www.") else ""
    return f"{named}{_spelled(host.removeprefix('www.'), words)} {_spelled(path.rstrip('/'), words)}".strip()


def _other(text: str, words: _Words) -> str:
    for sign, (one, more) in words.money.items():
        mark = re.escape(sign)
        text = re.sub(rf"(\d) ?{mark}", rf"\1{sign}", text)
        text = re.sub(rf"{mark} ?(\d[\d., ]*\d|\d)", rf"\1{sign}", text)
        text = re.sub(
            rf"(?<![\d,.])(\d[\d. ]*?)(?:,(\d\d))?{mark}",
            lambda found, one=one, more=more: _amount(found, one, more, words),  # type: ignore[misc]
            text,
        )
    grouping = "[. ]" if words.decimal == "," else "[, ]"
    text = re.sub(rf"(?<=\d){grouping}(?=\d{{3}}(?!\d))", "", text)
    text = re.sub(rf"(?<=\d)[{words.decimal}](?=\d)", f" {words.point} ", text)
    text = re.sub(r"(?<=\d) ?%", f" {words.percent}", text)
    if words.hours:
        hours = words.hours
        text = re.sub(
            r"\b([01]?\d|2[0-3])(?::| ?h ?)([0-5]\d)\b",
            lambda found: (
                f"{int(found[1])} {hours}{'' if found[2] == '00' else f' {int(found[2])}'}"
                if hours == "heures" or found[2] != "00"
                else str(int(found[1]))
            ),
            text,
        )
    text = re.sub(r"(?<![\w)])[-\u2212](?=\d)", f"{words.minus} ", text)
    text = re.sub(r"(?<=\s)&(?=\s)", words.and_, text)
    for short, whole in words.abbreviations.items():
        # Whole words alone: "Dr" is not in "drôle".
        text = re.sub(rf"(?<!\w){re.escape(short)}(?=\s+\w)", whole, text)
    return text


def _amount(found: re.Match[str], one: str, more: str, words: _Words) -> str:
    whole, part = re.sub(r"[. ]", "", found[1]), found[2]
    said = f"{whole} {one if whole in ('0', '1') else more}"
    return f"{said} {words.and_ if words.and_ != 'et' else ''} {int(part)}" if part and int(part) else said
