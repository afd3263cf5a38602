"""Importing on demand: the same SDK, sooner; and Python's own way at the first surprise."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

COUNT = """
import json, sys
from audiochat.transport import sdk_imports
with sdk_imports.importing():
    from openai import AzureOpenAI, OpenAI
OpenAI(api_key="none", base_url="http://127.0.0.1:1/v1")
print(json.dumps(sum(name.startswith("openai.types") for name in sys.modules)))
"""

SAME = """
import importlib, pkgutil, sys
from audiochat.transport import sdk_imports
with sdk_imports.importing():
    import openai
import openai.types, openai.types.chat, openai.types.responses
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.chat_completion import ChatCompletion as Direct
assert ChatCompletion is Direct
assert openai.types.chat.ChatCompletion is Direct
for package in (openai.types, openai.types.chat, openai.types.responses):
    assert type(package.__loader__).__name__ == "_OnDemand", "the SDK's packages have another shape by now"
    for name in dir(package):
        getattr(package, name)
    assert package.__file__.endswith("__init__.py")
try:
    openai.types.no_such_type
except AttributeError as exc:
    assert "no_such_type" in str(exc)
print("same")
"""

SURPRISE = """
import sys
sys.path.insert(0, sys.argv[1])
from audiochat.transport import sdk_imports
with sdk_imports.importing():
    import openai.types, openai.types.plain
assert openai.types.answer() == 42
assert openai.types.plain.Moved == "moved"
assert openai.types.plain.Other == "other"
print("ordinary")
"""


def run(program: str, *arguments: str, **changes: str) -> str:
    """What a fresh interpreter says to a program."""
    import os

    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **changes},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_most_of_the_types_of_the_sdk_are_not_imported() -> None:
    """A client needs a few dozen of some five hundred; with the variable set, Python imports as ever."""
    on_demand, ordinary = json.loads(run(COUNT)), json.loads(run(COUNT, AUDIOCHAT_ORDINARY_IMPORTS="1"))
    assert on_demand < 100
    assert ordinary > 300


def test_every_type_is_the_one_that_it_would_have_been() -> None:
    """Each name of the packages can be had, and is the same object as in its module."""
    assert run(SAME) == "same"


@pytest.mark.parametrize("cause", ["code", "missing"])
def test_a_package_of_another_shape_is_imported_ordinarily(tmp_path: Path, cause: str) -> None:
    """Code in a package, or a name that cannot be had alone, and Python's own import takes over."""
    types = tmp_path / "openai" / "types"
    (types / "plain").mkdir(parents=True)
    (tmp_path / "openai" / "__init__.py").write_text("")
    (types / "__init__.py").write_text("def answer():\n    return 42\n")
    # Within its package, `moved` sees `helper` only after the whole of the package was imported, in order.
    (types / "plain" / "__init__.py").write_text("from .helper import Other\nfrom .moved import Moved\n")
    (types / "plain" / "helper.py").write_text("Other = 'other'\nDone = True\n")
    lookup = "import sys; sys.modules['openai.types.plain.helper'].Done" if cause == "missing" else "pass"
    refused = "KeyError as exc:\n    raise ImportError('not alone') from exc"
    (types / "plain" / "moved.py").write_text(f"try:\n    {lookup}\nexcept {refused}\nMoved = 'moved'\n")
    assert run(SURPRISE, str(tmp_path)) == "ordinary"
