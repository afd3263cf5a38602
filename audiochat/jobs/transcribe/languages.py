"""Languages as people write them: codes, tags with a region, names."""

from __future__ import annotations

import difflib

from audiochat.errors import UsageError
from audiochat.local.language_names import NAMES


def code_of(language: str) -> str:
    """The code of a language: `de` for de, de-AT, german.

    Raises:
        UsageError: none is called so.
    """
    tag = language.strip().lower().replace("_", "-")
    code = tag.partition("-")[0]
    if code in NAMES:
        return code
    codes = {name: code for code, name in NAMES.items()}
    if tag in codes:
        return codes[tag]
    near = difflib.get_close_matches(tag, codes, n=1)
    hint = f"Did you mean {codes[near[0]]} ({near[0]})?" if near else "Give its code: en, de, fr, …"
    raise UsageError(f"There is no language {language!r}.", hint=hint)
