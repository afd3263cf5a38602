"""The words that turn a meaning round, by language."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audiochat.jobs.narrate.readings import Token

_NEGATIONS = {
    "en": "not no never none nothing nobody nowhere neither nor cannot without",
    "de": "nicht nichts nie niemals niemand kein keine keinen keinem keiner keines nirgends weder ohne",
    "fr": "ne pas jamais rien aucun aucune personne non sans ni n'est n'a",
    "es": "no nunca jamás nada nadie ninguno ninguna ningún ni sin tampoco",
    "it": "non no mai niente nulla nessuno nessuna senza né",
    "pt": "não nunca jamais nada ninguém nenhum nenhuma sem nem",
    "nl": "niet niets nooit niemand geen nergens noch zonder",
    "sv": "inte ej icke aldrig ingen inget inga ingenting utan varken",
    "da": "ikke aldrig ingen intet ingenting uden hverken",
    "no": "ikke ikkje aldri ingen intet ingenting uten verken",
    "fi": "ei en et emme ette eivät älä älkää ilman ikinä",
    "pl": "nie nigdy nikt nic żaden żadna żadne bez ani",
    "cs": "ne ani nikdy nikdo nic žádný žádná žádné bez není nejsou nebyl nebyla",
    "ru": "не нет ни никогда ничего никто нельзя без",
    "uk": "не ні немає ніколи нічого ніхто без",
    "el": "δεν δε μη μην όχι ποτέ κανείς τίποτα χωρίς",
    "tr": "değil yok hiç asla",
    "ro": "nu niciodată nimic nimeni niciun nicio fără nici",
    "hu": "nem ne soha semmi senki nincs sem nélkül",
    "id": "tidak bukan jangan belum tanpa tak",
    "vi": "không chẳng chưa đừng chớ",
    "ar": "لا ليس ليست لم لن غير بدون",
    "he": "לא אין אל בלי אף",
    "zh": "不 没 沒 未 无 無 别 勿 非 莫",
    "ja": "無 未 非 不",
}
_UNSPACED = {"ja": ("ない", "なかっ", "なく", "せん", "ぬ", "ずに"), "th": ("ไม่", "ไร้")}
"""Of languages without spaces, in which they are no words of their own."""


def negations(run: Sequence[Token], language: str) -> int:
    """How many there are in a run of words."""
    together = "".join(token.text for token in run)
    table = _words(language)
    found = sum(token.text in table or (language == "en" and token.text.endswith("n't")) for token in run)
    return found + sum(together.count(part) for part in _UNSPACED.get(language, ()))


@cache
def _words(language: str) -> frozenset[str]:
    return frozenset(_NEGATIONS.get(language, "" if language in _UNSPACED else _NEGATIONS["en"]).split())
