"""The table of voices: names, languages, and who speaks what."""

from __future__ import annotations

import pytest

from audiochat.chat import voices
from audiochat.chat.request import VOICES


def test_every_name_of_the_api_is_a_voice_of_the_engine() -> None:
    """OpenAI's names and the model's own both work; a namesake answers where there is one."""
    for name in (*VOICES, *voices.API_NAMES):
        assert voices.find(name) is not None
    for name in ("alloy", "echo", "fable", "nova", "onyx"):
        assert voices.API_NAMES[name].endswith(f"_{name}")
    assert voices.find("af_heart") == voices.find("coral")
    assert voices.find("heart") is None


def test_no_two_names_of_the_api_sound_alike() -> None:
    """Each goes to a voice of its own."""
    assert len(set(voices.API_NAMES.values())) == len(voices.API_NAMES)


def test_languages_and_sexes_are_those_of_the_names() -> None:
    """Fifty-four voices in nine languages; the model's name for a voice says both."""
    assert len(voices.ENGINE_VOICES) == 54
    assert {voice.language for voice in voices.ENGINE_VOICES} == set(voices.LANGUAGES)
    table = {one["name"]: one for one in voices.table()}
    assert table["bm_fable"] == {
        "name": "bm_fable",
        "language": "en-GB",
        "language_name": "British English",
        "sex": "male",
        "aliases": ["fable"],
    }


@pytest.mark.parametrize(
    ("asked", "language", "speaks"),
    [
        ("alloy", "en", "af_alloy"),
        ("alloy", "fr", "ff_siwis"),
        ("onyx", "es", "em_alex"),
        ("if_sara", "it", "if_sara"),
        ("im_nicola", "fr", "ff_siwis"),
        ("jf_alpha", "en", "jf_alpha"),
        ("bm_george", "pt", "pm_alex"),
    ],
)
def test_a_text_is_spoken_by_a_voice_of_its_language(asked: str, language: str, speaks: str) -> None:
    """The voice that was asked for, or one of the text's language, of the same sex where there is one."""
    voice = voices.find(asked)
    assert voice is not None
    assert voices.speaker_of(voice, language).name == speaks


def test_names_are_completed_and_guessed() -> None:
    """A shell completes them; a name that is nearly one is named in the error."""
    assert voices.complete("bm_") == ["bm_daniel", "bm_fable", "bm_george", "bm_lewis"]
    assert voices.complete("al") == ["alloy"]
    assert voices.suggestion("heart").startswith("Perhaps af_heart?")
    assert "alloy" in voices.suggestion("aloy")
    assert voices.suggestion("klingon") == "'audiochat voices list' shows them all."
