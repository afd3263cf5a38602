"""`audiochat voices`: the voices that `-v` takes, with their languages and a sample; fetch the engine's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from audiochat.chat.voices import complete
from audiochat.cli.envelope import success
from audiochat.cli.options import option
from audiochat.cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audiochat.chat.voices import Voice

voices = typer.Typer(
    help="List and hear the voices for -v; fetch the engine's.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

EXAMPLES = """\
audiochat voices list
audiochat voices list fr --play
audiochat voices get
audiochat voices get alloy --from ./kokoro-voices
"""

AsJson = Annotated[bool, option("Output", "--json", text="Print one JSON object on stdout.")]


@voices.command("list")
def list_(
    context: typer.Context,
    wanted: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME|LANGUAGE",
            help="Voices, or languages (fr, en-GB); all of them otherwise.",
            show_default=False,
            autocompletion=complete,
        ),
    ] = None,
    *,
    play: Annotated[bool, option("Output", "--play", text="Play a short sample of each.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the voices: name, language, sex, OpenAI's names for it, whether it is fetched."""
    from audiochat.chat.voices import as_dict
    from audiochat.providers import local

    screen: Terminal = context.obj
    screen.configure(as_json=as_json)
    chosen, here = _chosen(wanted or []), local.voices_here()
    rows = [{**as_dict(voice), "fetched": voice.name in here} for voice in chosen]
    if as_json:
        screen.envelope(success("voices list", provider="local", voices=rows))
    else:
        header = ("Name", "Language", "Sex", "OpenAI's names", "Fetched")
        screen.table(header, [_row(row) for row in rows], empty="There are none.")
    if play:
        _play(chosen, screen)


@voices.command()
def get(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="The voices; all otherwise.", show_default=False, autocompletion=complete),
    ] = None,
    *,
    source: Annotated[
        str | None,
        option(
            "Network",
            "--from",
            metavar="PATH",
            text="Copy them from here instead: a folder of .bin files, npm's archive, voices-v1.0.bin.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch the engine's voices now, to work without a network later."""
    from audiochat.chat.voices import ENGINE_VOICES
    from audiochat.files import user_path
    from audiochat.providers import local

    screen: Terminal = context.obj
    screen.configure(as_json=as_json)
    wanted = [voice.name for voice in (_chosen(names) if names else ENGINE_VOICES)]
    local.have_voices(wanted, screen, place=None if source is None else user_path(source))
    here = [name for name in wanted if name in local.voices_here()]
    screen.note(f"{len(here)} of {len(wanted)} voices are here.")
    if as_json:
        missing = [name for name in wanted if name not in here]
        summary = {"status": "partial" if missing else "ok", "voices": here, "missing": missing}
        screen.envelope({**success("voices get"), **summary})
    if len(here) < len(wanted):
        raise typer.Exit(5)


def _chosen(wanted: Sequence[str]) -> list[Voice]:
    """The voices of these names and languages.

    Raises:
        UsageError: there is none.
    """
    from audiochat.chat.voices import ENGINE_VOICES, find, suggestion
    from audiochat.errors import UsageError

    found: list[Voice] = [] if wanted else list(ENGINE_VOICES)
    for one in wanted:
        voice = find(one)
        spoken = [other for other in ENGINE_VOICES if one in (other.language, other.language.partition("-")[0])]
        if voice is None and not spoken:
            raise UsageError(f"The engine has no voice and no language {one!r}.", hint=suggestion(one))
        found += [other for other in ([voice] if voice else spoken) if other not in found]
    return found


def _row(voice: dict[str, Any]) -> tuple[str, ...]:
    fetched = "fetched" if voice["fetched"] else "not fetched"
    return voice["name"], voice["language"], voice["sex"], ", ".join(voice["aliases"]), fetched


def _play(chosen: Sequence[Voice], screen: Terminal) -> None:
    """Play a sample of each: two seconds in its own language, in English where that has no phonemes.

    Raises:
        ConfigurationError: there is no loudspeaker, or nothing to reach it with.
    """
    from audiochat import config
    from audiochat.audio.devices import NoDeviceError, loudspeaker
    from audiochat.chat.voices import sample_text
    from audiochat.errors import ConfigurationError
    from audiochat.providers import local

    try:
        speaker = loudspeaker()
    except NoDeviceError as exc:
        raise ConfigurationError(f"The samples cannot be played: {exc}", code="no_device") from exc
    say = local.sample(config.load(config.Flags(provider="local")), screen)
    try:
        for voice in chosen:
            screen.note(voice.name)
            for pcm in say(sample_text(voice), voice.name):
                speaker.play(pcm)
        speaker.drain()
    finally:
        speaker.stop()
