"""How faithful a narration is: by chapter, and every piece that was read otherwise with both texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from audiochat.jobs.narrate.fidelity import Comparison

if TYPE_CHECKING:
    from audiochat.jobs.narrate.script import Act
    from audiochat.jobs.piece import Failure, Result


@dataclass(frozen=True, slots=True)
class Remark:
    """A piece that was not read as it is written, or not at all."""

    chapter: int
    label: str
    kind: str
    """`gap`: it is not in the book; `unfaithful`: it has to be read anew; `different`: some words are others;
    `heard`: the recogniser hears other words, and may mishear."""
    why: str | None
    written: str
    read: str | None
    """The words that came; None where there were none."""
    heard: str | None = None
    differences: tuple[tuple[str, str], ...] = ()
    """What is written, and what was read instead."""


@dataclass(slots=True)
class ChapterReport:
    """A chapter: what there was to read, and what was read."""

    number: int
    title: str
    pieces: int = 0
    words: int = 0
    """Those that were compared."""
    errors: int = 0
    gaps: int = 0
    unchecked: int = 0
    """Pieces that were compared with nothing."""
    start: float | None = None
    """When its first word is said, in seconds from the start of its file."""

    @property
    def fidelity(self) -> float | None:
        """The part of the words that were read as they are written; None where none was compared."""
        return None if not self.words else max(0.0, 1 - self.errors / self.words)


@dataclass(slots=True)
class Report:
    """Of a whole narration."""

    chapters: list[ChapterReport] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    by_ear: bool = False
    """Whether words count as a recogniser heard them, which mishears some: no service told what it spoke."""

    @classmethod
    def of(cls, acts: tuple[Act, ...]) -> Report:
        """Of chapters of which nothing is known yet."""
        return cls([ChapterReport(act.number, act.title) for act in acts])

    def add(self, position: int, label: str, text: str, result: Result | None, failure: Failure | None) -> None:
        """Take note of a piece.

        Args:
            position: Of its chapter among those that are narrated.
            label: How a person finds it.
            text: What is written.
            result: What came of it.
            failure: Why nothing did, or something is wrong with it.
        """
        chapter = self.chapters[position]
        chapter.pieces += 1
        data: Any = {} if result is None else result.data
        compared = _counted(data)
        self.by_ear = self.by_ear or (compared is not None and not data.get("compared"))
        if compared is None:
            chapter.unchecked += result is not None
        else:
            found = Comparison.of_json(compared)
            chapter.words += found.words
            # Without a sound nothing was read, whatever words came.
            has_sound = result is not None and result.blob is not None
            chapter.errors += min(found.errors, found.words) if has_sound else found.words
        if result is None or result.blob is None:
            chapter.gaps += 1
        kind = _kind(result)
        if kind is not None:
            flaw = failure if result is None else result.flaw
            self.remarks.append(
                Remark(
                    chapter.number,
                    label,
                    kind,
                    None if flaw is None else flaw.message,
                    text,
                    data.get("words"),
                    data.get("heard"),
                    _differences(data),
                )
            )

    def of_kind(self, kind: str) -> list[Remark]:
        """The remarks of a kind."""
        return [remark for remark in self.remarks if remark.kind == kind]

    @property
    def words(self) -> int:
        """That were compared."""
        return sum(chapter.words for chapter in self.chapters)

    @property
    def errors(self) -> int:
        """Words that were lost, added or changed."""
        return sum(chapter.errors for chapter in self.chapters)

    @property
    def fidelity(self) -> float | None:
        """The part of the words that were read as they are written."""
        return None if not self.words else max(0.0, 1 - self.errors / self.words)

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "words": self.words,
            "errors": self.errors,
            "score": None if self.fidelity is None else round(self.fidelity, 5),
            "unchecked": sum(chapter.unchecked for chapter in self.chapters),
            "pieces": [
                {
                    "chapter": one.chapter,
                    "piece": one.label,
                    "kind": one.kind,
                    "why": one.why,
                    "written": one.written,
                    "read": one.read,
                    "heard": one.heard,
                    "differences": [{"written": written, "read": read} for written, read in one.differences],
                }
                for one in self.remarks
            ],
        }


def _counted(data: dict[str, Any]) -> Any:
    """The comparison by which words count: what the service says, unless another text is heard."""
    said, heard = data.get("compared"), data.get("compared_heard")
    if said and heard and Comparison.of_json(heard).is_unfaithful and not Comparison.of_json(said).is_unfaithful:
        return heard
    return said or heard


def _kind(result: Result | None) -> str | None:
    if result is None or result.blob is None:
        return "gap"
    if result.flaw is not None:
        return "unfaithful"
    if (result.data.get("compared") or {}).get("errors"):
        return "different"
    return "heard" if (result.data.get("compared_heard") or {}).get("errors") else None


def _differences(data: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    for name in ("compared", "compared_heard"):
        if found := (data.get(name) or {}).get("differences"):
            return tuple((one["written"], one["read"]) for one in found)
    return ()
