"""What we depend on: each package with its reason and its licence, locked by its hash, and audited."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterable

pytestmark = pytest.mark.reliability

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
DOCUMENT = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
GPL = re.compile(r"(?<!L)(?<!Lesser )(GPL|General Public License)")

BASE: list[str] = PROJECT["project"]["dependencies"]
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
DEVELOPMENT: list[str] = [*PROJECT["dependency-groups"]["dev"], *PROJECT["build-system"]["requires"]]
SECTIONS = {
    "Always installed": BASE,
    **{f"Extra `{name}`": packages for name, packages in EXTRAS.items()},
    "Development": DEVELOPMENT,
}


def names(requirements: Iterable[str]) -> list[str]:
    """The packages' names, as registries compare them."""
    return sorted(canonicalize_name(Requirement(one).name) for one in requirements)


def rows(section: str) -> list[list[str]]:
    """The cells of the rows in the table of a section."""
    _, _, rest = DOCUMENT.partition(f"## {section}")
    text = rest.partition("\n## ")[0]
    table = [line.strip().strip("|") for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.split("|")] for line in table[1:]]


def closure(requirements: Iterable[str]) -> set[str]:
    """The names of everything that comes with them, as it is installed here."""
    found: set[str] = set()
    waiting = [(Requirement(one), "") for one in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        needs = [Requirement(one) for one in metadata.requires(name) or []]
        known = name in found and not requirement.extras
        found.add(name)
        if not known:
            waiting += [(need, wanted) for need in needs for wanted in ("", *requirement.extras)]
    return found


def licence(name: str) -> str:
    """What a package says of its licence; its full text, which some put there, only by its beginning."""
    about = metadata.metadata(name)
    told = [*(about.get_all("License-Expression") or []), *(one[:100] for one in about.get_all("License") or [])]
    return " ".join([*told, *(one for one in about.get_all("Classifier") or [] if "License" in one)])


def locked() -> dict[str, str]:
    """What the lock says of each package, by its name."""
    entries = re.split(r"\n(?=[a-z0-9])", LOCK)
    return {canonicalize_name(entry.partition("==")[0]): entry for entry in entries}


@pytest.mark.parametrize("section", SECTIONS)
def test_every_dependency_has_its_reason(section: str) -> None:
    """Why this, what else was considered, under which licence: one row each, and none for what is not there."""
    table = rows(section)
    assert sorted(canonicalize_name(row[0].partition(" (")[0]) for row in table) == names(SECTIONS[section])
    for row in table:
        assert len(row) == 4, row
        assert all(row), row
        assert len(row[1]) > 8, row
        assert re.search("MIT|BSD|Apache|MPL|PSF|GPL", row[3]), row


def test_what_is_always_installed_is_free_of_the_gpl() -> None:
    """Neither a dependency nor what it brings along; what an extra holds is the user's choice."""
    found = {name: licence(name) for name in closure(BASE)}
    assert len(found) > len(BASE)
    assert [name for name, told in found.items() if not told] == []
    assert [name for name, told in found.items() if GPL.search(told)] == []


def test_the_gpl_is_found_where_it_is() -> None:
    """A check that could not fail would be none; and the document says so of the same packages."""
    pytest.importorskip("piper")
    everything = [one for packages in EXTRAS.values() for one in packages]
    assert {name for name in names(everything) if GPL.search(licence(name))} == {"piper-tts"}
    told = [row for section in SECTIONS for row in rows(section) if GPL.search(row[3].partition(";")[0])]
    assert {row[0].partition(" ")[0] for row in told} == {"piper-tts"}


def test_the_gpl_that_a_package_brings_is_told_with_it() -> None:
    """What finds the phonemes is under the GPL, and its loader says nothing of its licence: the document does."""
    pytest.importorskip("kokoro_onnx")
    brought = {name for name in closure(["kokoro-onnx"]) if GPL.search(licence(name)) or not licence(name)}
    row = next(row for row in rows("Extra `local`") if row[0].startswith("kokoro-onnx"))
    assert {"phonemizer", "espeakng-loader"} <= brought
    assert [name for name in sorted(brought) if name not in row[0] + row[3]] == []


def test_the_lock_holds_everything_by_its_hash() -> None:
    """What is always installed, transitively, and every extra and tool; nothing in it is without a hash."""
    entries = locked()
    wanted = closure(BASE) | set(names([*BASE, *DEVELOPMENT[:-1], *(one for many in EXTRAS.values() for one in many)]))
    assert wanted - set(entries) == set()
    assert [name for name, entry in entries.items() if "--hash=sha256:" not in entry] == []
    assert not re.search(r"^-|https?://|file:|git\+", LOCK, re.MULTILINE)


def test_the_lock_is_within_the_bounds() -> None:
    """A bound that was raised without `make lock` is noticed."""
    for one in [*BASE, *DEVELOPMENT[:-1], *(one for many in EXTRAS.values() for one in many)]:
        requirement = Requirement(one)
        versions = re.findall(rf"^{re.escape(canonicalize_name(requirement.name))}==([^ ;]+)", LOCK, re.MULTILINE)
        assert versions, one
        assert all(requirement.specifier.contains(version, prereleases=True) for version in versions), one


# --- the audit

_FAKE = "import sys\nsys.stderr.write({err!r})\nsys.stdout.write({out!r})\nsys.exit({code})\n"
_CLEAN = '{"dependencies": [{"name": "a", "version": "1", "vulns": []}], "fixes": []}'
_FOUND = '{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}]}'
_UNKNOWN = '{"dependencies": [{"name": "a", "skip_reason": "Dependency not found on PyPI"}]}'
_PARTLY = _CLEAN.replace("[{", '[{"name": "b", "skip_reason": "no"}, {', 1)


@pytest.mark.parametrize(
    ("out", "err", "code", "exit_code", "says"),
    [
        (_CLEAN, "", 0, 0, "nothing is known"),
        (_FOUND, "Found 1 known vulnerability", 1, 1, "PYSEC-1, mended in 2"),
        (_FOUND, "", 0, 1, "PYSEC-1"),
        (_UNKNOWN, "", 0, 0, "NOT AUDITED: the database knows none"),
        (_PARTLY, "", 0, 0, "NOT AUDITED: b"),
        ("", "requests.exceptions.ConnectionError: Max retries exceeded", 1, 0, "NOT AUDITED: the database of"),
        ("", "ERROR: requirements file is broken", 1, 2, "is broken"),
        ("[]", "", 0, 2, "says nothing"),
    ],
)
def test_the_audit_fails_on_what_it_finds_and_never_calls_silence_an_all_clear(
    tmp_path: Path, out: str, err: str, code: int, exit_code: int, says: str
) -> None:
    """A finding is exit 1; a database that is not there, or knows nothing, is told in capitals."""
    (tmp_path / "pip_audit").mkdir()
    (tmp_path / "pip_audit" / "__init__.py").touch()
    (tmp_path / "pip_audit" / "__main__.py").write_text(_FAKE.format(out=out, err=err, code=code))
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "audit"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=False,
    )
    assert (done.returncode, "nothing is known" in done.stdout) == (exit_code, out in (_CLEAN, _PARTLY))
    assert says in done.stdout + done.stderr


def test_the_audit_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real pip-audit behind a proxy that is not there: told loudly, and no failure."""
    pytest.importorskip("pip_audit")
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "audit"], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert "NOT AUDITED: the database of vulnerabilities cannot be reached." in done.stderr
