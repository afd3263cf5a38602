"""What the report of a bug says, so that it can be acted on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audiochat import __main__, files, storage

if TYPE_CHECKING:
    from support.command_line import CommandLine


def test_a_bug_names_the_deepest_function_of_audiochat() -> None:
    """With its module, also where a library that it called raised."""
    with pytest.raises(AttributeError) as raised:
        files.text_of(None, name="x")  # type: ignore[arg-type] # what a bug would do
    assert "in audiochat.files.text_of, line" in __main__.bug(raised.value).message
    with pytest.raises(TypeError) as raised_in_library:
        storage.expand_home(5)  # type: ignore[arg-type] # pathlib raises
    assert "in audiochat.storage.expand_home, line" in __main__.bug(raised_in_library.value).message
    hint = __main__.bug(raised_in_library.value, whole_stack=True).hint
    assert hint is not None
    assert "audiochat.storage.expand_home, line" in hint
    assert hint.splitlines()[-1].startswith("pathlib.")


def test_an_address_that_is_none_is_no_bug(cli: CommandLine) -> None:
    """`file://[x` is what somebody typed."""
    ran = cli("analyze", "file://[x")
    assert ran.code == 2
    assert "is no file:// address" in ran.err
