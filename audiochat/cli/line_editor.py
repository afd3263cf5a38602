"""The line that is edited at the prompt of `converse`: history, completion, keys, colours."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from audiochat import storage
from audiochat.chat.voices import known_names
from audiochat.cli.sanitize import escape_control_chars
from audiochat.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import Completer
    from prompt_toolkit.history import History

_HISTORY = "prompt-history"


def line_editor(commands: Sequence[str], said: Iterable[str], *, keep: bool) -> PromptSession[str]:
    """The editor of the prompt's lines.

    Args:
        commands: Those that start with a slash.
        said: Earlier questions of the conversation, for the history.
        keep: Whether what is typed is remembered for other conversations.
    """
    from prompt_toolkit import PromptSession
    from prompt_toolkit.output import create_output

    # The terminal, wherever it is: stdout may be a pipe, which gets the transcripts.
    output = create_output(always_prefer_tty=True)
    return PromptSession(
        history=_history(said, keep=keep),
        completer=_completer(commands),
        complete_while_typing=False,
        key_bindings=_keys(),
        output=output,
        prompt_continuation="   ",
    )


def prompt(number: int) -> Any:
    """The prompt: the turn's number, in colour where the terminal has any."""
    return [("bold ansicyan", f"{number}"), ("ansicyan", "> ")]


def _history(said: Iterable[str], *, keep: bool) -> History:
    """A private file; the conversation's own questions where nothing may be kept."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    if keep:
        try:
            path = storage.data_folder() / _HISTORY
            storage.make_folder(path.parent)
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, storage.FILE_MODE))
            return FileHistory(path)
        except (OSError, FileError):  # a full disk, no home: the prompt works without
            pass
    return InMemoryHistory([escape_control_chars(text) for text in said])  # a session may have come from anywhere


def _keys() -> Any:
    """Enter sends; Alt+Enter, and Enter behind a backslash, begin another line."""
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    @keys.add("escape", "enter")
    def _(event: Any) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("enter")
    def _(event: Any) -> None:
        buffer = event.current_buffer
        if buffer.document.text_before_cursor.endswith("\\") and buffer.document.is_cursor_at_the_end:
            buffer.delete_before_cursor()
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    return keys


def _completer(commands: Sequence[str]) -> Completer:
    """Completes commands, files behind them and behind @, and voices."""
    from prompt_toolkit.completion import Completer, Completion, PathCompleter
    from prompt_toolkit.document import Document

    paths = PathCompleter(expanduser=True)

    class Words(Completer):
        def get_completions(self, document: Document, complete_event: Any) -> Iterator[Completion]:
            line = document.text_before_cursor
            command, space, rest = line.partition(" ")
            word = line.rsplit(maxsplit=1)[-1] if line and not line[-1].isspace() else ""
            if not space and line.startswith("/"):
                yield from _starting(line, commands)
            elif command == "/voice":
                yield from _starting(rest, known_names())
            elif command in ("/attach", "/save", "/export"):
                yield from paths.get_completions(Document(rest), complete_event)
            elif word.startswith("@"):
                yield from paths.get_completions(Document(word[1:]), complete_event)

    def _starting(typed: str, known: Iterable[str]) -> Iterator[Completion]:
        return (Completion(word, start_position=-len(typed)) for word in known if word.startswith(typed))

    return Words()
