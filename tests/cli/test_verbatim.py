"""`speak --verbatim`: a text is read and not answered, and what came is compared with it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.narrators import Narrator, answered, sound_of, without_not
from support.service import Answer, sound_events, stream

from audiochat.audio import wav
from audiochat.jobs.narrate.readers import INSTRUCTIONS

if TYPE_CHECKING:
    from support.command_line import CommandLine
    from support.service import Service

TEXT = "Why did Holmes not come in 1905? Nobody knew."


def test_a_text_is_read(openai: Service, cli: CommandLine) -> None:
    """The user's message is the text and nothing else; the system message tells to read, and the style."""
    openai.answer_with(narrator := Narrator())
    ran = cli("speak", "--verbatim", TEXT, "-s", "slowly")
    assert (ran.code, ran.out.decode().strip(), narrator.asked) == (0, TEXT, {TEXT: 1})
    assert INSTRUCTIONS in narrator.systems[0]
    assert "slowly" in narrator.systems[0]
    assert Path("speech.wav").read_bytes() == wav.wrap(sound_of(TEXT))


def test_what_was_read_is_shown_on_a_terminal(openai: Service, shown: CommandLine) -> None:
    """Once, though it is only known when it is whole; words that were shown while they came are not shown again."""
    openai.answer_with(Narrator())
    assert shown("speak", "--verbatim", TEXT, "-o", "a.wav").out.decode().split() == TEXT.split()
    openai.answer(stream(sound_events(bytes(4800), ["Once ", "only."])))
    assert shown("speak", "hi", "-o", "b.wav").out.decode().split() == ["Once", "only."]


def test_a_bad_reading_is_asked_for_again(openai: Service, cli: CommandLine) -> None:
    """And nothing but the good one is delivered."""
    openai.answer_with(narrator := Narrator(lambda text, before: text if before else without_not(text)))
    ran = cli("speak", "--verbatim", TEXT)
    assert (ran.code, ran.out.decode().strip(), narrator.asked) == (0, TEXT, {TEXT: 2})


@pytest.mark.parametrize("fault", [answered, without_not])
def test_a_reading_that_stays_bad_has_both_texts(openai: Service, cli: CommandLine, fault: object) -> None:
    """Exit 4, no file; the words that came are on stdout, both texts on stderr and in the envelope."""
    openai.answer_with(Narrator(lambda text, _: fault(text)))  # type: ignore[operator] # it is called
    ran = cli("speak", "--verbatim", TEXT)
    spoken = fault(TEXT)  # type: ignore[operator]
    assert (ran.code, ran.out.decode().strip()) == (4, spoken)
    assert TEXT in ran.err
    assert spoken in ran.err
    assert "asking again (2 of 3)" in ran.err
    assert "asking again (3 of 3)" in ran.err
    assert not Path("speech.wav").exists()
    kept = re.search(r"The closest reading is kept as (\S+\.wav)\.", " ".join(ran.err.split()))
    assert kept is not None, "it is paid for"
    assert Path(kept[1]).read_bytes()[:4] == b"RIFF"
    told = json.loads(cli("speak", "--verbatim", TEXT, "--json").out)
    assert (told["status"], told["error"]["code"], told["transcript"]) == ("error", "unfaithful", spoken)
    assert TEXT in told["error"]["message"]


def test_a_stream_is_compared_at_its_end(openai: Service, cli: CommandLine) -> None:
    """What was piped cannot be taken back: it is not asked for again, and the exit code tells."""
    openai.answer(stream(sound_events(sound_of(TEXT), [TEXT[:20], TEXT[20:]])))
    ran = cli("speak", "--verbatim", TEXT, "-o", "-", "-f", "pcm16")
    assert (ran.code, ran.out) == (0, sound_of(TEXT))
    openai.answer(stream(sound_events(sound_of(TEXT), ["That's a great question!"])))
    ran = cli("speak", "--verbatim", TEXT, "-o", "-", "-f", "pcm16")
    assert (ran.code, len(openai.requests)) == (4, 2)
    assert TEXT in ran.err


def test_another_word_is_told(openai: Service, cli: CommandLine) -> None:
    """A reading that differs a little is delivered, with a note."""
    openai.answer_with(Narrator(lambda text, _: text.replace("Nobody knew", "Nobody did")))
    ran = cli("speak", "--verbatim", TEXT)
    assert ran.code == 0
    assert "“knew” as “did”" in ran.err


def test_a_speech_model_reads_by_itself(openai: Service, cli: CommandLine) -> None:
    """It is asked at its own address."""
    openai.answer(Answer(wav.wrap(sound_of(TEXT)), headers={"Content-Type": "audio/wav"}))
    ran = cli("speak", "--verbatim", TEXT, "-m", "tts-1", "-o", "a.flac")
    assert (ran.code, ran.out.decode().strip(), openai.last.path) == (0, TEXT, "/v1/audio/speech")


def test_a_recording_is_not_read(openai: Service, cli: CommandLine) -> None:
    """-r and --verbatim exclude each other."""
    assert (cli("speak", "--verbatim", "-r").code, openai.requests) == (2, [])


def test_silence_is_no_reading(openai: Service, cli: CommandLine) -> None:
    """Whatever words the service says that it spoke."""
    openai.answer_with(Narrator(sounds=lambda text, _: bytes(len(sound_of(text)))))
    ran = cli("speak", "--verbatim", TEXT)
    assert ran.code == 4
    assert "The sound is silence." in ran.err
