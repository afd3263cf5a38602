"""Import the OpenAI SDK on demand, which halves the start of a run.

The SDK imports every type of its API, some five hundred modules and nine tenths of its time, of which a
run needs a few dozen. Here the packages of those types import a name when it is looked at. This rests on
something private, the shape of these packages: nothing but imports of their own modules. Whatever has
another shape, or surprises in any other way, is imported as Python would have; and so is everything with
AUDIOCHAT_ORDINARY_IMPORTS set.
"""

from __future__ import annotations

import gc
import importlib
import os
import platform
import sys
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import ModuleType

_PACKAGE = "openai.types"


@contextmanager
def importing() -> Iterator[None]:
    """A block in which the SDK is imported: on demand, and without collecting garbage, of which imports make none."""
    enabled = gc.isenabled()
    gc.disable()
    if sys.platform != "win32":
        _ask_for_no_processor()
    there = _PACKAGE in sys.modules or any(isinstance(finder, _Finder) for finder in sys.meta_path)
    if not there and not os.environ.get("AUDIOCHAT_ORDINARY_IMPORTS"):
        sys.meta_path.insert(0, _Finder())
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def skip_pydantic_plugins() -> None:
    """Let pydantic look for no plugins: it would read a file of every package that is installed.

    For a process of our own: a program around this one may use plugins.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _ask_for_no_processor() -> None:
    """Let `platform` start no `uname -p`: what the SDK tells the service about this machine is the same without."""
    known = vars(platform.uname())  # one object for the whole process, which computes this when it is looked at
    known.setdefault("processor", "")


class _Finder(MetaPathFinder):
    """Finds the packages of the SDK's types, and leaves everything else to Python."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`."""
        if fullname != _PACKAGE and not fullname.startswith(f"{_PACKAGE}."):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None or spec.submodule_search_locations is None:
            return None
        names = _reexported(spec)
        if names:
            spec.loader = _OnDemand(spec.loader, names)
        return spec


class _OnDemand(Loader):
    """Runs a package without its imports; each happens when its name is looked at."""

    def __init__(self, ordinary: Loader, names: Mapping[str, tuple[str, str]]) -> None:
        self._ordinary = ordinary
        self._names = names

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """See `importlib.abc.Loader`."""
        return self._ordinary.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """See `importlib.abc.Loader`."""

        def look_up(name: str) -> Any:
            if name not in self._names:
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            where, original = self._names[name]
            try:
                value = getattr(importlib.import_module(where, module.__name__), original)
            except (ImportError, AttributeError):  # a surprise: as Python would have done it, from here on
                module.__dict__.pop("__getattr__", None)
                self._ordinary.exec_module(module)
                return module.__dict__[name]
            setattr(module, name, value)
            return value

        module.__dict__["__getattr__"] = look_up
        module.__dict__["__dir__"] = lambda: sorted({*module.__dict__, *self._names})

    def __getattr__(self, name: str) -> Any:  # the source, its file: as the ordinary loader has them
        return getattr(self._ordinary, name)


def _reexported(spec: ModuleSpec) -> dict[str, tuple[str, str]]:
    """The names that a package imports from its own modules; none where it does anything else besides."""
    import ast

    get_source = getattr(spec.loader, "get_source", None)
    names: dict[str, tuple[str, str]] = {}
    try:
        tree = ast.parse(get_source(spec.name) if get_source else "pass")
    except (ImportError, SyntaxError, TypeError):
        return {}
    for statement in tree.body:
        if not isinstance(statement, ast.ImportFrom):
            return {}
        if statement.module == "__future__":
            continue
        if not statement.level or any(alias.name == "*" for alias in statement.names):
            return {}
        where = "." * statement.level + (statement.module or "")
        names.update({alias.asname or alias.name: (where, alias.name) for alias in statement.names})
    return names
