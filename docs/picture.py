"""Draw docs/images/terminal.svg: a terminal in which audiochat runs on the local engine.

    python docs/picture.py

Each command is run in a real terminal of its own, and what it shows is drawn as it is, colours included.
"""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

COMMANDS = [
    'audiochat speak "Is a golden retriever a good family dog?" -o dog.wav',
    'audiochat analyze dog.wav "Which breed is it about?" --text-only',
    "audiochat transcribe dog.wav -f srt",
]
COLUMNS = 88

# Rich's own template asks another host for a font.
SVG = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img"
  aria-label="A terminal in which audiochat answers">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-family: sans-serif; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""


def in_a_terminal(command: str, folder: str) -> str:
    """What a terminal shows when a command runs in it."""
    ours, theirs = pty.openpty()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "PATH": path}
    process = subprocess.Popen(
        ["bash", "-c", command], stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=env, close_fds=True
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            block = os.read(ours, 65_536)
        except OSError:  # the other side is closed
            break
        if not block:
            break
        shown += block
    process.wait()
    return shown.decode()


def settled(shown: str) -> str:
    """What is left on the screen: bars and spinners, which the program takes away, are gone."""
    rows, row, again = [""], 0, False
    for piece in re.split(r"(\r|\n|\x1b\[\??[0-9;]*[A-Za-z])", shown.replace("\r\n", "\n")):
        moves = re.fullmatch(r"\x1b\[([0-9]*)([A-Za-z])", piece)
        if piece == "\n":
            row, again = row + 1, False
            rows += [""] * (row + 1 - len(rows))
        elif piece == "\r":
            again = True
        elif moves and moves[2] in "AK":
            row -= int(moves[1] or 1) if moves[2] == "A" else 0
            rows[row] = "" if moves[2] == "K" else rows[row]
        elif piece.startswith("\x1b[") and not piece.endswith("m"):
            continue  # the cursor is hidden, say
        elif piece:
            rows[row], again = piece if again else rows[row] + piece, False
    return "\n".join("" if line.isspace() else line.rstrip() for line in rows).strip("\n")


def main() -> None:
    """Run the commands, and draw what was seen."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), color_system="truecolor", force_terminal=True)
    with tempfile.TemporaryDirectory() as folder:
        for command in COMMANDS:
            console.print(Text.assemble(("$ ", "bold green"), command))
            console.print(Text.from_ansi(settled(in_a_terminal(command, folder))))
            console.print()
    images = Path(__file__).parent / "images"
    images.mkdir(exist_ok=True)
    svg = console.export_svg(title="audiochat", theme=MONOKAI, code_format=SVG, unique_id="terminal")
    (images / "terminal.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
