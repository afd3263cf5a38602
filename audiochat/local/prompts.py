"""How the model is told what was said, heard and measured.

The built-in model is tiny: instructions barely reach it, examples do. No example about a recording holds a figure or
a name that could come out as a measurement. Change a word and measure again (benchmarks/engine_quality.py). Larger
models get instructions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from audiochat.local.stt import Heard


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a conversation, its recordings heard."""

    role: str
    """system, user or assistant."""
    text: str
    heard: tuple[Heard, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """One message as a language model gets it."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A conversation, ready for a language model."""

    messages: tuple[Message, ...]
    fixed: int = 0
    """How many messages at the start are always the same: what the model made of them can be kept."""
    repeat_penalty: float = 1.0


def _examples(*texts: str) -> tuple[Message, ...]:
    return tuple(Message("assistant" if index % 2 else "user", text) for index, text in enumerate(texts))


_GENERAL = _examples(
    "Hi there!",
    "Hello! How can I help you today?",
    "Why do we have seasons?",
    "We have seasons because the axis of the Earth is tilted. As the Earth moves around the Sun, each half of it "
    "gets more light in its summer and less in its winter.",
    "Are apples healthy?",
    "Yes, apples are healthy. They are full of fiber and vitamins.",
    "How do I cook rice?",
    "To cook rice, put one cup of rice and two cups of water in a pot. Bring the water to a boil, cover the pot, "
    "and let it simmer for fifteen minutes.",
    "Sum this up: Owls hunt at night. They have large eyes and very good hearing, so they can find mice in the dark.",
    "Owls hunt at night and find mice with their large eyes and good hearing.",
    "Write a haiku about snow.",
    "Snow falls on the pines. The quiet night holds its breath. White fields wait for dawn.",
    "Say good morning.",
    "Good morning! I hope you have a nice day.",
)
_RECORDING = _examples(
    'The speaker says: "Thank you for calling the library. The reading room is closed for repairs, so please use the '
    'small room behind the garden."\n\nDescribe the recording in detail.',
    "The speaker says that the reading room is closed for repairs, so please use the small room behind the garden.",
    "What is the recording about?",
    "The reading room is closed for repairs.",
    "What should I use?",
    "Please use the small room behind the garden.",
    'The speaker says: "The bus was late again this morning, and the seats were dirty. I will not take it anymore."'
    "\n\nWhat did the speaker say?",
    "The bus was late again this morning, and the seats were dirty. The speaker will not take it anymore.",
    "Sum it up.",
    "The bus was late again, and the seats were dirty.",
    "In short, what is the opinion?",
    "The speaker will not take it anymore.",
    "Why will they not take it?",
    "The bus was late again this morning, and the seats were dirty.",
)

EXAMPLES = tuple(
    (turns[index].content, turns[index + 1].content)
    for turns in (_GENERAL, _RECORDING)
    for index in range(0, len(turns), 2)
)
"""Questions and answers that are in every prompt to the built-in model; none may come out of it by themselves."""

_INSTRUCTIONS = (
    "Your answer is read aloud: speak in at most four short sentences, without lists, markup or emoji. "
    "A recording that the user sends is given to you as what was heard in it, with its measurements."
)


def fixed_part(*, recording: bool) -> Prompt:
    """What every prompt to the built-in model starts with."""
    system = Message("system", "You are a helpful assistant." if recording else "")
    messages = (system, *(_RECORDING if recording else _GENERAL))
    # Words of a recording are to be repeated; elsewhere repetition is how a tiny model goes astray.
    return Prompt(messages, fixed=len(messages), repeat_penalty=1.0 if recording else 1.1)


def by_example(said: Sequence[Said]) -> Prompt:
    """The conversation as the built-in model understands it best."""
    start = fixed_part(recording=any(one.heard for one in said))
    given = " ".join(one.text for one in said if one.role == "system").strip()
    if given:
        start = Prompt((Message("system", given), *start.messages[1:]), 0, start.repeat_penalty)
    return Prompt((*start.messages, *_conversation(said)), start.fixed, start.repeat_penalty)


def by_instruction(said: Sequence[Said]) -> Prompt:
    """The conversation for a model that follows instructions."""
    given = [one.text for one in said if one.role == "system"]
    messages = [Message("system", "\n\n".join([*given, _INSTRUCTIONS]))]
    for one in said:
        if one.role != "system":
            content = "\n\n".join([*(_report(heard) for heard in one.heard), one.text]).strip()
            messages.append(Message(one.role, content))
    return Prompt(tuple(messages))


def _conversation(said: Sequence[Said]) -> Iterator[Message]:
    """The turns; what was measured is not told: it is never for the small model to repeat."""
    for one in said:
        if one.role == "assistant":
            yield Message("assistant", one.text)
        elif one.role == "user":
            words = [f'The speaker says: "{heard.text}"' for heard in one.heard if heard.text]
            words += ["Nobody speaks in the recording."] * (len(words) < len(one.heard))
            context = " ".join(words)
            yield Message("user", f"{context}\n\n{one.text}".strip() if context else one.text)


def _report(heard: Heard) -> str:
    words = f'It says: "{heard.text}"' if heard.text else "Nobody speaks in it."
    speed = f", {heard.words_a_minute:.0f} words per minute" if heard.text else ""
    return f"[Recording, {heard.seconds:.1f} seconds{speed}, {heard.loudness:.0f} dBFS. {words}]"
