"""What a model has read of a fixed prompt is kept for the next process, and only taken where it fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audiochat.local.read_prompts import ReadPrompts

if TYPE_CHECKING:
    from pathlib import Path

TOKENS, STATE = [1, 2, 3], bytes(range(256)) * 40


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder with a state in it."""
    folder = tmp_path / "prompts"
    ReadPrompts(folder, made_by="model 1").keep(TOKENS, STATE)
    return folder


def test_a_state_comes_back(kept: Path) -> None:
    """To another process with the same model and prompt."""
    assert ReadPrompts(kept, made_by="model 1").recall(TOKENS) == STATE


@pytest.mark.parametrize(("made_by", "tokens"), [("model 2", TOKENS), ("model 1", [1, 2, 4]), ("model 1", [1, 2])])
def test_a_state_of_something_else_is_not_taken(kept: Path, made_by: str, tokens: list[int]) -> None:
    """Another model or release, another prompt, a shorter one."""
    assert ReadPrompts(kept, made_by=made_by).recall(tokens) is None


def test_a_changed_prompt_replaces_its_older_version(kept: Path) -> None:
    """The folder does not grow with every release."""
    prompts = ReadPrompts(kept, made_by="model 1")
    prompts.keep([1, 2, 4], STATE)
    assert prompts.recall([1, 2, 4]) == STATE
    assert len(list(kept.iterdir())) == 1


@pytest.mark.parametrize("damage", [b"", b"short", b"x" * 400])
def test_a_damaged_state_is_not_taken(kept: Path, damage: bytes) -> None:
    """A disk that was full, a copy that was cut."""
    (path,) = kept.iterdir()
    path.write_bytes(damage)
    assert ReadPrompts(kept, made_by="model 1").recall(TOKENS) is None


def test_a_cache_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    """The prompt is read again the next time."""
    (tmp_path / "file").touch()
    prompts = ReadPrompts(tmp_path / "file" / "prompts", made_by="model 1")
    prompts.keep(TOKENS, STATE)
    assert prompts.recall(TOKENS) is None
