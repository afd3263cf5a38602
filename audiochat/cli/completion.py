"""`audiochat completion`: what makes a shell complete commands, options and their values."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from audiochat import files
from audiochat.cli.terminal import Terminal
from audiochat.errors import FileError, UsageError

EXAMPLES = """\
audiochat completion --install
eval "$(audiochat completion bash)"
audiochat completion fish > ~/.config/fish/completions/audiochat.fish
"""

_BASH = """\
_audiochat() {
    local kind value text path line=${COMP_LINE:0:COMP_POINT}
    COMPREPLY=()
    while IFS=$'\\t' read -r kind value text; do
        if [[ $kind == file && $value == @ ]]; then
            compopt -o nospace
            while IFS= read -r path; do
                [[ -d $path ]] && COMPREPLY+=("@$path/") || COMPREPLY+=("@$path ")
            done < <(compgen -f -- "${line##*@}")
        elif [[ $kind == file ]]; then
            compopt -o default
        elif [[ -n $value ]]; then
            COMPREPLY+=("$value")
        fi
    done < <(_AUDIOCHAT_COMPLETE=bash _AUDIOCHAT_LINE="$line" "$1" 2>/dev/null)
}
complete -F _audiochat audiochat
"""

_ZSH = """\
#compdef audiochat
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
_audiochat() {
    local line typed="${(j: :)words[1,CURRENT]}"
    local -a part values
    for line in "${(@f)$(_AUDIOCHAT_COMPLETE=zsh _AUDIOCHAT_LINE=$typed ${(Q)words[1]} 2>/dev/null)}"; do
        part=("${(@ps:\\t:)line}")
        if [[ $part[1] == file ]]; then
            [[ -z $part[2] ]] || compset -P "${(b)part[2]}"
            _files
            return
        elif [[ -n $part[2] ]]; then
            values+=("${part[2]//:/\\\\:}${part[3]:+:$part[3]}")
        fi
    done
    (( $#values )) && _describe -V audiochat values
}
compdef _audiochat audiochat
"""

_FISH = """\
function __audiochat_complete
    set -lx _AUDIOCHAT_COMPLETE fish
    set -lx _AUDIOCHAT_LINE (commandline -cp | string collect)
    for line in (audiochat 2>/dev/null)
        set -l part (string split -m 2 \\t -- $line)
        if test "$part[1]" = file
            set -l from (math 1 + (string length -- "$part[2]"))
            for path in (__fish_complete_path (string sub -s $from -- (commandline -ct)))
                printf '%s\\n' "$part[2]$path"
            end
        else
            printf '%s\\t%s\\n' $part[2] $part[3]
        end
    end
end
complete -c audiochat -f -a '(__audiochat_complete)'
"""

_POWERSHELL = """\
Register-ArgumentCompleter -Native -CommandName audiochat -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $env:_AUDIOCHAT_COMPLETE = "powershell"
    $env:_AUDIOCHAT_LINE = $commandAst.ToString().PadRight($cursorPosition)
    audiochat | ForEach-Object {
        $part = $_ -split "`t"
        if ($part[0] -eq "value") {
            $text = if ($part[2]) { $part[2] } else { $part[1] }
            [System.Management.Automation.CompletionResult]::new($part[1], $part[1], "ParameterValue", $text)
        }
    }
    Remove-Item Env:_AUDIOCHAT_COMPLETE, Env:_AUDIOCHAT_LINE
}
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH, "powershell": _POWERSHELL}
"""What makes a shell complete, by the shell's name."""

_PLACES = {
    "bash": ("~/.bashrc", 'command -v audiochat > /dev/null && eval "$(audiochat completion bash)"'),
    "zsh": ("~/.zshrc", 'command -v audiochat > /dev/null && eval "$(audiochat completion zsh)"'),
    "fish": ("~/.config/fish/completions/audiochat.fish", "audiochat completion fish | source"),
}
"""The file that a shell reads at its start, and the line that belongs there."""


def completion(
    shell: Annotated[
        str | None,
        typer.Argument(metavar="SHELL", help="bash, zsh, fish or powershell. [default: yours]", show_default=False),
    ] = None,
    *,
    context: typer.Context,
    install: Annotated[
        bool, typer.Option("--install", help="Add it to the file that the shell reads at its start.")
    ] = False,
) -> None:
    """Set up Tab completion in your shell. Without --install, the script that does it is printed."""
    screen: Terminal = context.obj
    name = (shell or Path(os.environ.get("SHELL", "")).name).lower()
    if not name:
        raise UsageError("SHELL is not set, so your shell is not known.", hint=f"Name it: {' | '.join(SCRIPTS)}")
    if name not in SCRIPTS:
        raise UsageError(f"There is no completion for {name}.", hint=f"Choose {', '.join(SCRIPTS)}.")
    if not install:
        screen.transcript(SCRIPTS[name])
    elif name not in _PLACES:
        raise UsageError(f"--install does not know where {name} reads it.", hint=f"audiochat completion {name} >> FILE")
    else:
        _install(*_PLACES[name], screen)


def _install(place: str, line: str, screen: Terminal) -> None:
    path = files.user_path(place)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and line in path.read_text(errors="replace").splitlines():
            screen.note(f"{path} has it already.")
            return
        with path.open("a") as file:
            file.write(f"\n{line}\n")
    except OSError as exc:
        raise FileError(f"{path} cannot be written: {exc.strerror}.", hint=f"Add this line to it: {line}") from exc
    screen.note(f"Added to {path}; new windows complete audiochat.")
