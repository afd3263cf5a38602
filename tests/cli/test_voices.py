"""`audiochat voices`, and `-v` with the local engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.command_line import CommandLine


def test_the_list_says_who_speaks_what(cli: CommandLine) -> None:
    """A line each: name, language, sex, the API's names, whether it is fetched; nothing else on stdout."""
    ran = cli("voices", "list")
    lines = ran.out.decode().splitlines()
    assert (ran.code, ran.err, len(lines)) == (0, "", 54)
    assert lines[0] == "af_alloy\ten-US\tfemale\talloy\tnot fetched"
    assert "ff_siwis\tfr\tfemale\t\tnot fetched" in lines


def test_the_list_as_json(cli: CommandLine) -> None:
    """One object, with what is here."""
    told = json.loads(cli("voices", "list", "--json").out)
    assert (told["version"], told["command"], told["status"]) == (1, "voices list", "ok")
    assert len(told["voices"]) == 54
    assert told["voices"][0]["aliases"] == ["alloy"]
    assert told["voices"][0]["fetched"] is False


@pytest.mark.parametrize(
    ("wanted", "names"),
    [(["fr"], ["ff_siwis"]), (["fable", "it"], ["bm_fable", "if_sara", "im_nicola"]), (["en-GB"], 8), (["en"], 28)],
)
def test_voices_and_languages_can_be_chosen(cli: CommandLine, wanted: list[str], names: list[str] | int) -> None:
    """By any of their names, or by the tag of a language."""
    lines = cli("voices", "list", *wanted).out.decode().splitlines()
    found = [line.partition("\t")[0] for line in lines]
    assert len(found) == names if isinstance(names, int) else found == names


@pytest.mark.parametrize("command", ["list", "get"])
def test_a_name_that_nobody_has(cli: CommandLine, command: str) -> None:
    """Exit 2, and the names that resemble it."""
    ran = cli("voices", command, "heart")
    assert (ran.code, ran.out) == (2, b"")
    assert "'heart'" in ran.err
    assert "af_heart" in ran.err


def test_voices_are_taken_from_where_the_user_has_them(cli: CommandLine) -> None:
    """A folder without the voice: exit 6, and which one is missing; a wrong file: exit 6, and nothing is kept."""
    Path("mine").mkdir()
    ran = cli("voices", "get", "alloy", "--from", "mine")
    assert ran.code == 6
    assert "af_alloy" in ran.err
    Path("mine/af_alloy.bin").write_bytes(bytes(522_240))
    ran = cli("voices", "get", "alloy", "--from", "mine")
    assert ran.code == 6
    assert "its hash differs" in ran.err
    assert "not fetched" in cli("voices", "list", "alloy").out.decode()


@pytest.mark.parametrize("place", ["nowhere", "nowhere.npz"])
def test_a_place_that_is_not_there(cli: CommandLine, place: str) -> None:
    """Exit 6, with its name."""
    ran = cli("voices", "get", "alloy", "--from", place)
    assert ran.code == 6
    assert place in ran.err


def test_a_voice_that_the_engine_does_not_have_is_refused_before_anything_is_fetched(cli: CommandLine) -> None:
    """Exit 2, with a name that resembles it, and where they all are."""
    pytest.importorskip("faster_whisper")
    ran = cli("speak", "hi", "-v", "heart", env={"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""})
    assert ran.code == 2
    assert "Perhaps af_heart?" in ran.err
    assert "audiochat voices list" in ran.err


def test_a_piper_voice_without_piper_is_told_what_to_do(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """AUDIOCHAT_LOCAL_TTS goes on working where Piper is installed; else the command that installs it."""
    import importlib.util

    pytest.importorskip("faster_whisper")
    Path("joe.onnx").write_bytes(b"")
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "piper" else real(name, *rest))
    ran = cli("speak", "hi", env={"AUDIOCHAT_LOCAL_TTS": "joe.onnx"})
    assert ran.code == 3
    assert "AUDIOCHAT_LOCAL_TTS" in ran.err
    assert "[piper]'" in ran.err


def test_a_shell_completes_voices(cli: CommandLine) -> None:
    """Names of the API and of the engine."""
    from audiochat.chat.voices import complete

    assert complete("bm_f") == ["bm_fable"]
    assert "voices" in cli("--help").out.decode()
