"""Languages as people write them: codes, tags with a region, names."""

from __future__ import annotations

import difflib

from audiochat.errors import UsageError
from audiochat.local.language_names import NAMES

_TABLE = """
deutsch:de français:fr francais:fr español:es espanol:es castellano:es italiano:it português:pt portugues:pt
nederlands:nl svenska:sv dansk:da norsk:no suomi:fi polski:pl čeština:cs русский:ru українська:uk ελληνικά:el
türkçe:tr magyar:hu română:ro العربية:ar עברית:he हिन्दी:hi ไทย:th 中文:zh 日本語:ja 한국어:ko
"""
_OWN_NAMES = dict(pair.split(":") for pair in _TABLE.split())
"""Languages by the names that they give themselves."""


def code_of(language: str) -> str:
    """The code of a language: `de` for de, de-AT, german.

    Raises:
        UsageError: none is called so.
    """
    tag = language.strip().lower().replace("_", "-")
    code = tag.partition("-")[0]
    if code in NAMES:
        return code
    codes = {name: code for code, name in NAMES.items()} | _OWN_NAMES
    if tag in codes:
        return codes[tag]
    near = difflib.get_close_matches(tag, codes, n=1)
    hint = f"Did you mean {codes[near[0]]} ({near[0]})?" if near else "Give its code: en, de, fr, …"
    raise UsageError(f"There is no language {language!r}.", hint=hint)
