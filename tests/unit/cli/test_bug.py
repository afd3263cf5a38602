"""What the report of a bug says, so that it can be acted on."""

from __future__ import annotations

import pytest

from audiochat import __main__, files


def test_a_bug_names_the_deepest_function_of_audiochat() -> None:
    """With its module, also where a library that it called raised."""
    with pytest.raises(AttributeError) as raised:
        files.text_of(None, name="x")  # type: ignore[arg-type] # what a bug would do
    assert "in audiochat.files.text_of, line" in __main__.bug(raised.value).message
    with pytest.raises(ValueError, match="IPv6") as raised_in_library:
        files.user_path("file://[x")
    assert "in audiochat.files.user_path, line" in __main__.bug(raised_in_library.value).message
