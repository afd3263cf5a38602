"""The voices that `-v` takes: the cloud's names, and the local engine's own with their languages.

One table for every door: the command line, the server's `/v1/audio/voices`, the page's list, the engine.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from audiochat.chat.request import VOICES
from audiochat.errors import UsageError

if TYPE_CHECKING:
    from audiochat.config import Settings

Sex = Literal["female", "male"]

LANGUAGES = {
    "en-US": "American English",
    "en-GB": "British English",
    "es": "Spanish",
    "fr": "French",
    "hi": "Hindi",
    "it": "Italian",
    "ja": "Japanese",
    "pt": "Brazilian Portuguese",
    "zh": "Mandarin Chinese",
}
"""The languages that the engine's voices speak, by their BCP 47 tags."""

SPOKEN = frozenset({"en", "es", "fr", "hi", "it", "pt"})
"""The languages whose phonemes the engine can find. Japanese and Chinese voices speak English, with an accent."""

_SAMPLES = {
    "en-US": "Hello, my name is {name}. How are you?",
    "es": "Hola, me llamo {name}. ¿Qué tal estás?",
    "fr": "Bonjour, je m'appelle {name}. Comment allez-vous ?",
    "hi": "नमस्ते, मेरा नाम {name} है। आप कैसे हैं?",
    "it": "Buongiorno, mi chiamo {name}. Come stai oggi?",
    "pt": "Olá, meu nome é {name}. Como você está?",
}

_LANGUAGE_OF_LETTER = dict(zip("abefhijpz", LANGUAGES, strict=True))

_NAMES = """
af_alloy af_aoede af_bella af_heart af_jessica af_kore af_nicole af_nova af_river af_sarah af_sky am_adam am_echo
am_eric am_fenrir am_liam am_michael am_onyx am_puck am_santa bf_alice bf_emma bf_isabella bf_lily bm_daniel
bm_fable bm_george bm_lewis ef_dora em_alex em_santa ff_siwis hf_alpha hf_beta hm_omega hm_psi if_sara im_nicola
jf_alpha jf_gongitsune jf_nezumi jf_tebukuro jm_kumo pf_dora pm_alex pm_santa zf_xiaobei zf_xiaoni zf_xiaoxiao
zf_xiaoyi zm_yunjian zm_yunxi zm_yunxia zm_yunyang
""".split()  # noqa: SIM905 - fifty-four lines say no more

API_NAMES = {
    "alloy": "af_alloy",
    "ash": "am_michael",
    "ballad": "bm_george",
    "coral": "af_heart",
    "echo": "am_echo",
    "sage": "bf_emma",
    "shimmer": "af_bella",
    "verse": "am_fenrir",
    "marin": "af_sarah",
    "cedar": "am_puck",
    "fable": "bm_fable",
    "nova": "af_nova",
    "onyx": "am_onyx",
}
"""OpenAI's names, and the engine's voice that answers to each: its namesake where there is one."""

_FIRST_OF = {
    ("es", "female"): "ef_dora",
    ("es", "male"): "em_alex",
    ("fr", "female"): "ff_siwis",
    ("fr", "male"): "ff_siwis",
    ("hi", "female"): "hf_alpha",
    ("hi", "male"): "hm_omega",
    ("it", "female"): "if_sara",
    ("it", "male"): "im_nicola",
    ("pt", "female"): "pf_dora",
    ("pt", "male"): "pm_alex",
}
"""The voice that speaks a language when the one that was asked for does not. There is no French man."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of the local engine."""

    name: str
    """The model's own name for it: a letter for the language, one for the sex, a name."""

    @property
    def language(self) -> str:
        """The BCP 47 tag of the language that it was made from."""
        return _LANGUAGE_OF_LETTER[self.name[0]]

    @property
    def sex(self) -> Sex:
        """Whether it sounds female or male."""
        return "female" if self.name[1] == "f" else "male"

    @property
    def aliases(self) -> tuple[str, ...]:
        """Names of the API that it answers to."""
        return tuple(alias for alias, name in API_NAMES.items() if name == self.name)


ENGINE_VOICES = tuple(Voice(name) for name in _NAMES)
"""The local engine's voices."""

_BY_NAME = {voice.name: voice for voice in ENGINE_VOICES}


def find(name: str) -> Voice | None:
    """The engine's voice of a name, the API's or its own; None where there is none."""
    return _BY_NAME.get(API_NAMES.get(name, name))


def known_names() -> tuple[str, ...]:
    """Every name that `-v` takes with the local engine, OpenAI's first."""
    return (*VOICES, *(name for name in API_NAMES if name not in VOICES), *_BY_NAME)


def complete(incomplete: str) -> list[str]:
    """The names that begin so, for a shell that completes words."""
    return [name for name in known_names() if name.startswith(incomplete)]


def suggestion(name: str) -> str:
    """The hint for a voice that the engine does not have: names like it, and the command that lists all."""
    near = _close_to(name)
    first = f"Perhaps {' or '.join(near[:3])}? " if near else ""
    return f"{first}'audiochat voices list' shows them all."


def not_of_the_engine(settings: Settings) -> UsageError | None:
    """The error of a voice that the local engine does not have; None where it has it, or does not answer."""
    if settings.provider != "local" or settings.local.tts is not None or find(settings.voice) is not None:
        return None
    return UsageError(f"The local engine has no voice {settings.voice!r}.", hint=suggestion(settings.voice))


def _close_to(name: str) -> tuple[str, ...]:
    """Names that resemble one that is not known."""
    lowered = name.lower()
    # "heart" and "siwis" are what people say; their whole names are the model's.
    ends = [known for known in _BY_NAME if known.partition("_")[2] == lowered]
    return tuple(ends or difflib.get_close_matches(lowered, known_names(), n=3))


def speaker_of(voice: Voice, language: str) -> Voice:
    """The voice that speaks a text in the place of one that was asked for.

    Args:
        voice: What was asked for.
        language: Of the text, without a region: `en`, `fr`.

    Returns:
        The voice itself where the text is English or in its language; else one of the text's language, of the same sex
        where there is one.
    """
    if language == "en" or voice.language.partition("-")[0] == language:
        return voice
    return _BY_NAME[_FIRST_OF[language, voice.sex]]


def sample_text(voice: Voice) -> str:
    """Two seconds that introduce a voice, in its own language, or in English where that has no phonemes."""
    name = voice.name.partition("_")[2].capitalize()
    return _SAMPLES.get(voice.language, _SAMPLES["en-US"]).format(name=name)


def as_dict(voice: Voice) -> dict[str, Any]:
    """A voice as programs read it, in `voices list --json` and from the server."""
    return {
        "name": voice.name,
        "language": voice.language,
        "language_name": LANGUAGES[voice.language],
        "sex": voice.sex,
        "aliases": list(voice.aliases),
    }


def table() -> list[dict[str, Any]]:
    """All of the engine's voices as programs read them."""
    return [as_dict(voice) for voice in ENGINE_VOICES]
