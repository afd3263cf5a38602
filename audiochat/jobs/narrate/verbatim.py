"""One short text, read at once and not answered: the events of its reading, compared with it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from audiochat.chat.reply import Delta, Notice, Reply, SpokenAudio
from audiochat.chat.request import UserTurn
from audiochat.chat.speech import spoken_as
from audiochat.errors import RefusedError
from audiochat.files import rescue
from audiochat.jobs.narrate.fidelity import compare
from audiochat.jobs.narrate.names import names_of
from audiochat.jobs.narrate.pace import Pace
from audiochat.jobs.narrate.readers import EngineReader, SpeechReader, is_speech_model, pcm_of, system_message
from audiochat.jobs.narrate.speaking import TRIES
from audiochat.jobs.work import Workplace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audiochat.assistant import Assistant
    from audiochat.chat.reply import Events
    from audiochat.chat.request import AskOptions
    from audiochat.jobs.narrate.fidelity import Comparison
    from audiochat.progress import Progress


def read_verbatim(
    assistant: Assistant, text: str, options: AskOptions, *, progress: Progress, handed_on: bool
) -> Events:
    """Have a text read.

    Args:
        assistant: Whom to ask. On the local engine the text goes straight to its voice, and a speech model is asked
            for speech.
        text: All that is to be spoken.
        options: How it is wanted; its system message, if any, is the style.
        progress: Told about what takes long.
        handed_on: Whether the sound is heard or piped while it comes: then it cannot be asked for again.

    Yields:
        The events of a reading that is what is written; deltas are superseded after a notice `asked_again`.

    Raises:
        RefusedError: it stays unfaithful; the message has both texts, and the error the words that came.
    """
    settings = assistant.settings
    place = Workplace(settings, progress)
    if settings.provider == "local":
        from audiochat.local.engine import Engine

        language = options.parameters.get("language")
        engine = Engine(settings.local, progress=progress)
        yield from _spoken(EngineReader(engine, settings.voice, None if language is None else str(language)), text)
    elif is_speech_model(settings.model):
        yield from _spoken(SpeechReader(assistant, place, options.system), text)
    else:
        yield from _read(assistant, text, options, tries=1 if handed_on else TRIES)


def _spoken(reader: EngineReader | SpeechReader, text: str) -> Iterator[Delta | Reply]:
    """What is read without a model that could do anything else."""
    pcm = b""
    if isinstance(reader, EngineReader):
        for block in reader.say(text):
            pcm += block
            yield Delta(pcm=block)
    else:
        pcm = reader.read(text, again=False).pcm
        yield Delta(pcm=pcm)
    yield Reply(text, SpokenAudio(pcm, "pcm16"))


def _read(assistant: Assistant, text: str, options: AskOptions, *, tries: int) -> Events:
    names = names_of([text]).words
    readings: list[tuple[Comparison, Reply]] = []
    for again in range(tries):
        wanted = replace(options, system=system_message(options.system, again=again > 0))
        reply: Reply | None = None
        for event in assistant.events((UserTurn(text),), wanted):
            if isinstance(event, Reply):
                reply = event
            else:
                yield event
        assert reply is not None  # noqa: S101 - the events of an answer end with a reply or an error
        found = compare(text, reply.transcript, names=names)
        if reply.audio is not None and not found.is_unfaithful and _cut(text, reply) is None:
            if found.errors:
                yield Notice(f"Some words were read otherwise: {_differences(found)}.", "differences")
            yield reply
            return
        readings.append((found, reply))
        if again + 1 == tries:
            raise _unfaithful(text, *min(readings, key=_closeness))
        yield Notice(f"That is not what is written; asking again ({again + 2} of {tries}).", "asked_again")


def _cut(text: str, reply: Reply) -> str | None:
    """Why the sound of a reading cannot hold all of its text; None where it can."""
    pcm = pcm_of(reply)
    return Pace().why_cut(text, pcm) if pcm else None


def _closeness(reading: tuple[Comparison, Reply]) -> tuple[bool, tuple[int, int, int]]:
    found, reply = reading
    return reply.audio is None, found.rank


def _unfaithful(text: str, found: Comparison, reply: Reply) -> RefusedError:
    """The error with both texts; the sound, which is paid for, is kept among the temporary files."""
    what = f"it loses or changes {', '.join(map(repr, found.lost[:5]))}" if found.lost else "it is another text"
    hint = "Try again, or name another model: some answer what they should read."
    if not found.is_unfaithful and (cut := _cut(text, reply)) is not None:
        what = cut.rstrip(".")
    if reply.audio is None:
        what = "there is no sound"
    elif (kept := rescue(spoken_as(reply, "wav").data, ".wav")) is not None:
        hint += f" The closest reading is kept as {kept}."
    return RefusedError(
        f"What was spoken is not what is written: {what}. Written: “{text}” Spoken: “{reply.transcript}”",
        hint=hint,
        code="unfaithful",
        request_id=reply.request_id,
        transcript=reply.transcript,
    )


def _differences(found: Comparison) -> str:
    return ", ".join(f"“{one.written}” as “{one.read}”" for one in found.differences[:5])
