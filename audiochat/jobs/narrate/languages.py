"""The language of a book, as books tell it: `en-US`, `eng`, `German`, or not at all."""

from __future__ import annotations

from audiochat.local.language_names import NAMES

_DEFAULT = "en"
_UNSAID = {"und", "mul", "mis", "zxx", "x", "i", "art", "null", "none", "unknown", "undefined"}
_OF_THREE = """
afr:af alb:sq sqi:sq ara:ar arm:hy hye:hy baq:eu eus:eu bel:be ben:bn bos:bs bul:bg cat:ca chi:zh zho:zh cmn:zh hrv:hr
cze:cs ces:cs dan:da dut:nl nld:nl eng:en epo:eo est:et fin:fi fre:fr fra:fr geo:ka kat:ka ger:de deu:de glg:gl gre:el
ell:el heb:he hin:hi hun:hu ice:is isl:is ind:id gle:ga ita:it jpn:ja kan:kn kaz:kk kor:ko lat:la lav:lv lit:lt
mac:mk mkd:mk may:ms msa:ms mal:ml mar:mr nep:ne nor:no nob:no nno:nn per:fa fas:fa pol:pl por:pt rum:ro ron:ro rus:ru
srp:sr slo:sk slk:sk slv:sl spa:es swa:sw swe:sv tam:ta tel:te tgl:tl tha:th tur:tr ukr:uk urd:ur vie:vi wel:cy cym:cy
"""
"""ISO 639-2 to 639-1, of both kinds."""

_CODES = {**{name: code for code, name in NAMES.items()}, **dict(pair.split(":") for pair in _OF_THREE.split())}


def language_code(told: str | None) -> str:
    """The code of a language, of two letters where it has one; English where none is told.

    Args:
        told: A code with or without a region, or a name in English.
    """
    tag = (told or "").strip().lower().replace("_", "-")
    code = tag.partition("-")[0].strip()
    if code in _CODES or tag in _CODES:
        return _CODES.get(tag) or _CODES[code]
    is_code = len(code) in (2, 3) and code.isascii() and code.isalpha() and code not in _UNSAID
    return code if is_code else _DEFAULT
