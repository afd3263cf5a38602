"""`narrate`: a book in, an audiobook out; nothing is asked for twice, nothing bad passes unseen."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import pytest
from support.books import epub, page
from support.narrators import Narrator, answered, paraphrased, sound_of, without_last_sentence, without_not
from support.service import completion, error

from audiochat.audio import wav
from audiochat.jobs.store import JobStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.command_line import CommandLine, Ran
    from support.service import Answer, Received, Service

BOOK = """# The Fox

It was not late when the fox came. Nobody had seen it before.

## At home

The house had 12 rooms. Only Martha lived in it, and Martha was never afraid.

## Outside

Snow fell for hours. In the morning the garden was white.
"""


@pytest.fixture
def book() -> Path:
    """A book in the working directory."""
    path = Path("fox.md")
    path.write_text(BOOK, encoding="utf-8")
    return path


def _told(ran: Ran) -> Any:
    return json.loads(ran.out)


def _chapters(path: Path) -> list[tuple[str, float]]:
    with av.open(str(path)) as opened:
        return [(str(one["metadata"]["title"]), float(one["start"] * one["time_base"])) for one in opened.chapters()]


def test_a_book_becomes_an_audiobook(openai: Service, cli: CommandLine, book: Path) -> None:
    """With a mark for each chapter, where its first word is; stdout is empty, and stderr tells where it is."""
    openai.answer_with(narrator := Narrator())
    ran = cli("narrate", str(book), "--author", "Ann")
    assert (ran.code, ran.out) == (0, b"")
    assert "fox.m4b" in ran.err
    assert "words were read as they are written." in ran.err
    assert max(narrator.asked.values()) == 1
    chapters = _chapters(Path("fox.m4b"))
    assert [title for title, _ in chapters] == ["The Fox", "At home", "Outside"]
    assert [start for _, start in chapters] == sorted({start for _, start in chapters})
    with av.open("fox.m4b") as opened:
        assert opened.metadata["title"] == "The Fox"
        assert opened.metadata["artist"] == "Ann"


def test_json_tells_chapters_and_fidelity(openai: Service, cli: CommandLine, book: Path) -> None:
    """One object, with the marks of the chapters, what was used, and the job's name."""
    openai.answer_with(Narrator())
    told = _told(cli("narrate", str(book), "--json", "-f", "flac"))
    assert (told["command"], told["status"], told["audio"]["path"]) == ("narrate", "ok", "fox.flac")
    assert [one["fidelity"] for one in told["chapters"]] == [1.0, 1.0, 1.0]
    assert (told["fidelity"]["score"], told["fidelity"]["check"], told["gaps"]) == (1.0, "words", [])
    assert told["usage"]["output_tokens"] == 116 * told["asked"]
    assert told["job"] in JobStore().names()


def test_the_same_command_asks_for_nothing_again(openai: Service, cli: CommandLine, book: Path) -> None:
    """Another format costs nothing, another chapter only itself, another table of words the pieces that have them."""
    openai.answer_with(narrator := Narrator())
    assert cli("narrate", str(book)).code == 0
    asked = narrator.asked.total()
    assert cli("narrate", str(book)).code == 0
    assert cli("narrate", str(book), "-o", "other.mp3").code == 0
    assert narrator.asked.total() == asked
    book.write_text(f"{BOOK}\n## Later\n\nSpring came at last, and with it the birds.\n", encoding="utf-8")
    assert cli("narrate", str(book)).code == 0
    later = narrator.asked.total() - asked
    assert 0 < later <= 2
    Path("words.txt").write_text("Martha==Marta\n", encoding="utf-8")
    assert cli("narrate", str(book), "--replace", "words.txt").code == 0
    changed = {text for text in narrator.asked if "Marta" in text}
    assert narrator.asked.total() - asked - later == len(changed) == 1


def test_a_book_that_moved_is_not_paid_for_again(openai: Service, cli: CommandLine, book: Path) -> None:
    """Its pieces are found in the other job."""
    openai.answer_with(narrator := Narrator())
    assert cli("narrate", str(book)).code == 0
    asked = narrator.asked.total()
    book.rename("renamed.md")
    assert cli("narrate", "renamed.md").code == 0
    assert narrator.asked.total() == asked


def test_a_piece_that_is_refused_is_a_gap(openai: Service, cli: CommandLine, book: Path) -> None:
    """The rest is there, the gap is named with its text, the exit code is 4; then only the gap is asked for."""
    narrator, refused = Narrator(), [True]

    def answer(received: Received) -> Answer:
        if refused and "Martha" in received.json["messages"][-1]["content"]:
            return error(400, "content_filter", "Filtered.")
        return narrator(received)

    openai.answer_with(answer)
    ran = cli("narrate", str(book), "--json")
    told = _told(ran)
    assert (ran.code, told["status"], [gap["chapter"] for gap in told["gaps"]]) == (4, "partial", [2])
    assert "Martha" in told["gaps"][0]["written"]
    assert "content" in ran.err.lower()
    assert [title for title, _ in _chapters(Path("fox.m4b"))] == ["The Fox", "Outside"]
    refused.clear()
    before = narrator.asked.total()
    assert cli("narrate", str(book)).code == 0
    assert narrator.asked.total() == before + 1


_PARAGRAPHS = [
    f"On day {number} the captain, whose name was Holm{'abcdefghij'[number % 10]}son, did not leave the ship. "
    f"He wrote {number + 3} letters by the light of a candle. Then he went to sleep."
    for number in range(40)
]
_FAULTS: list[Callable[[str], str]] = [paraphrased, without_last_sentence, without_not, answered]


def _fault_of(text: str) -> Callable[[str], str] | None:
    """The fault of a paragraph: each of one in ten."""
    number = next((n for n, one in enumerate(_PARAGRAPHS) if one == text), 9)
    return _FAULTS[number % 10] if number % 10 < len(_FAULTS) else None


def _faulty(*, for_good: bool) -> Narrator:
    def words(text: str, before: int) -> str:
        fault = _fault_of(text)
        return text if fault is None or (before and not for_good) else fault(text)

    return Narrator(words)


def test_bad_readings_are_repaired(openai: Service, cli: CommandLine) -> None:
    """Paraphrased, cut short, turned round or answered, one in ten each: all are found and read anew."""
    Path("log.txt").write_text("\n\n".join(_PARAGRAPHS), encoding="utf-8")
    openai.answer_with(narrator := _faulty(for_good=False))
    ran = cli("narrate", "log.txt", "--json")
    assert (ran.code, _told(ran)["fidelity"]["score"]) == (0, 1.0)
    assert {text for text, times in narrator.asked.items() if times == 2} == {
        text for text in _PARAGRAPHS if _fault_of(text)
    }


def test_bad_readings_that_stay_are_listed(openai: Service, cli: CommandLine) -> None:
    """All of them and no other, with both texts; the exit code is 4."""
    Path("log.txt").write_text("\n\n".join(_PARAGRAPHS), encoding="utf-8")
    openai.answer_with(_faulty(for_good=True))
    ran = cli("narrate", "log.txt", "--json")
    told = _told(ran)
    assert (ran.code, told["status"]) == (4, "partial")
    listed = {one["written"]: one["read"] for one in told["fidelity"]["pieces"]}
    assert listed == {text: fault(text) for text in _PARAGRAPHS if (fault := _fault_of(text))}
    kinds = {one["written"]: one["kind"] for one in told["fidelity"]["pieces"]}
    assert {kinds[text] for text in listed if _fault_of(text) is answered} == {"gap"}
    shown = cli("narrate", "log.txt").err
    fidelity = told["fidelity"]
    assert f"Not read as they are written: {fidelity['errors']:,} of {fidelity['words']:,} words." in shown
    assert "missing pieces: 8" in shown
    assert "written: On day 2 " in shown


def test_a_plan_sends_nothing(openai: Service, cli: CommandLine, book: Path) -> None:
    """It tells pieces, length and tokens, and the price where prices are set."""
    prices = '{"m": {"input": 2.5, "output_audio": 64}}'
    ran = cli("narrate", str(book), "--dry-run", "-m", "m", env={"AUDIOCHAT_PRICES": prices})
    assert ran.code == 0
    assert b"price, about" in ran.out
    assert _told(cli("narrate", str(book), "--dry-run", "--json"))["pieces"] > 2
    assert openai.requests == []
    assert JobStore().names() == []


def test_the_list_shows_what_chapters_takes(openai: Service, cli: CommandLine) -> None:
    """A title page is one; what is left out is on stderr."""
    pages = {
        "title.xhtml": page("<h1>The Fox</h1><p>By Ann</p>"),
        "a.xhtml": page('<h2>Home</h2><p>At home it was warm<a epub:type="noteref">7</a>.</p>'),
        "b.xhtml": page("<h2>Out</h2><p>Outside it was cold.</p>"),
    }
    Path("fox.epub").write_bytes(epub(pages, [("Home", "a.xhtml"), ("Out", "b.xhtml")]))
    ran = cli("narrate", "fox.epub", "--list", "--skip-notes")
    assert [line.split(maxsplit=2)[::2] for line in ran.out.decode().splitlines()] == [
        ["1", "The Fox"],
        ["2", "Home"],
        ["3", "Out"],
    ]
    assert "left out (note, OPS/a.xhtml): 7" in ran.err
    openai.answer_with(narrator := Narrator())
    assert cli("narrate", "fox.epub", "--skip-notes", "--chapters", "2-3").code == 0
    assert [title for title, _ in _chapters(Path("fox.m4b"))] == ["Home", "Out"]
    assert not any("Ann" in text or "7" in text for text in narrator.asked)
    assert cli("narrate", "fox.epub", "--chapters", "9").code == 2


def test_a_file_of_any_name_with_its_format_named(openai: Service, cli: CommandLine, book: Path) -> None:
    """`-f` is enough; a name that has a dot, a name without one, and a folder have no suffix to be wrong."""
    openai.answer_with(Narrator())
    Path("my.books").mkdir()
    for options in (["-o", "z.docx", "-f", "flac"], ["-o", "Mr. Fox"], ["-o", "fox"], ["-o", "my.books"]):
        ran = cli("narrate", str(book), *options)
        assert ran.code == 0, ran.err
    assert len(_chapters(Path("z.docx"))) == len(_chapters(Path("Mr. Fox"))) == len(_chapters(Path("fox"))) == 3
    assert len(_chapters(Path("my.books/fox.m4b"))) == 3


def test_a_file_a_chapter(openai: Service, cli: CommandLine, book: Path) -> None:
    """In a folder, in order, each called by its chapter."""
    openai.answer_with(Narrator())
    told = _told(cli("narrate", str(book), "--split", "-o", "out/", "-f", "mp3", "--json"))
    names = ["01 The Fox.mp3", "02 At home.mp3", "03 Outside.mp3"]
    assert [Path(one["path"]).name for one in told["audio"]] == names
    assert sorted(path.name for path in Path("out").iterdir()) == names


def test_a_preview_is_the_first_minute(openai: Service, cli: CommandLine) -> None:
    """It is a file of its own, and what was spoken for it is kept for the whole."""
    Path("log.txt").write_text("\n\n".join(_PARAGRAPHS), encoding="utf-8")
    openai.answer_with(narrator := Narrator())
    assert cli("narrate", "log.txt", "--preview").code == 0
    assert Path("log-preview.m4b").exists()
    assert 2 <= narrator.asked.total() < 20
    assert cli("narrate", "log.txt").code == 0
    assert max(narrator.asked.values()) == 1


def test_stdout_takes_the_sound_alone(openai: Service, cli: CommandLine) -> None:
    """And stdin gives the book; a terminal gets no sound, and neither does JSON's stream."""
    openai.answer_with(Narrator())
    ran = cli("narrate", "-", "-o", "-", "-f", "wav", stdin=BOOK.encode())
    assert ran.code == 0
    found = wav.read(ran.out)
    assert found is not None
    assert found.seconds > 1
    assert cli("narrate", "-", "-o", "-", "--json", stdin=BOOK.encode()).code == 2


def test_a_file_of_somebody_else_is_not_replaced(openai: Service, cli: CommandLine, book: Path) -> None:
    """Unless it is named with -o; nothing is asked before."""
    Path("fox.m4b").write_bytes(b"mine")
    ran = cli("narrate", str(book))
    assert (ran.code, Path("fox.m4b").read_bytes(), openai.requests) == (6, b"mine", [])
    openai.answer_with(Narrator())
    assert cli("narrate", str(book), "-o", "fox.m4b").code == 0
    assert Path("fox.m4b").read_bytes() != b"mine"


def test_a_second_run_of_the_same_job_asks_nothing(openai: Service, cli: CommandLine, book: Path) -> None:
    """It ends with 6 and says that the job is running."""
    openai.answer_with(Narrator())
    name = _told(cli("narrate", str(book), "--json"))["job"]
    asked = len(openai.requests)
    with JobStore().open("narrate", name, title="x"):
        ran = cli("narrate", str(book), "--fresh")
    assert (ran.code, len(openai.requests)) == (6, asked)
    assert "running" in ran.err


def test_a_limit_of_tokens_stops_before_it(openai: Service, cli: CommandLine, book: Path) -> None:
    """What is done stays, the rest is named."""
    openai.answer_with(narrator := Narrator())
    ran = cli("narrate", str(book), "--max-tokens", "400", "-j", "1")
    assert ran.code == 5
    assert narrator.asked.total() == 1
    assert "more than 400 tokens" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["nothing.md"], 6, "nothing.md"),
        (["empty.txt"], 6, "no words"),
        (["fox.md", "--check", "nose"], 2, "nose"),
        (["fox.md", "-f", "ogv"], 2, "ogv"),
        (["fox.md", "-o", "z.docx"], 2, "m4b; "),
        (["fox.md", "-o", "z.mp3", "-f", "wav"], 2, "two formats"),
        (["."], 6, ". is a folder, not a book"),
        (["fox.md", "--language", "klingon"], 2, "klingon"),
        (["fox.md", "--loudness", "3"], 2, "LUFS"),
        (["fox.md", "--cover", "fox.md"], 6, "no picture that can be read"),
        (["fox.md", "--replace", "fox.md"], 6, "WORD==SPOKEN"),
        (["fox.md", "-j", "0"], 2, "-j"),
    ],
)
@pytest.mark.usefixtures("book")
def test_what_cannot_be_is_refused_before_it_costs(
    openai: Service, shown: CommandLine, arguments: list[str], code: int, told: str
) -> None:
    """With a message that names it."""
    Path("empty.txt").write_text("* * *\n", encoding="utf-8")
    ran = shown("narrate", *arguments)
    assert (ran.code, openai.requests) == (code, [])
    assert told in ran.err


def test_a_cover_beside_the_book_is_taken(openai: Service, cli: CommandLine, book: Path) -> None:
    """`cover.jpg` in its folder."""
    picture = io.BytesIO()
    with av.open(picture, "w", format="mjpeg") as container:
        stream = container.add_stream("mjpeg", rate=1)
        stream.width = stream.height = 16
        stream.pix_fmt = "yuvj420p"
        frame = av.VideoFrame(16, 16, "yuvj420p")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    Path("cover.jpg").write_bytes(picture.getvalue())
    openai.answer_with(Narrator())
    assert cli("narrate", str(book)).code == 0
    with av.open("fox.m4b") as opened:
        assert [stream.codec_context.name for stream in opened.streams.video] == ["mjpeg"]


def test_a_text_without_a_letter_or_a_digit_is_no_book(openai: Service, cli: CommandLine) -> None:
    """Bytes that happen to be UTF-16, symbols alone: exit 6, before they are paid for."""
    for data in (b"\xff\xfe\x00", b"\xfe\xff\x26\x05", "☃ ⇒ €".encode()):
        Path("bin.txt").write_bytes(data)
        ran = cli("narrate", "bin.txt")
        assert (ran.code, "has no words to read" in ran.err, openai.requests) == (6, True, [])


def test_words_without_a_sound_were_not_read(openai: Service, cli: CommandLine, book: Path) -> None:
    """A service that writes the text instead of speaking it has read none of its words."""
    openai.answer_with(lambda received: completion(content=received.json["messages"][-1]["content"]))
    ran = cli("narrate", str(book))
    assert ran.code == 4
    assert "were read as they are written" not in ran.err
    assert _told(cli("narrate", str(book), "--json"))["fidelity"]["score"] == 0


def test_a_cover_of_any_kind_is_taken_and_a_broken_one_beside_the_book_is_not(
    openai: Service, cli: CommandLine, book: Path
) -> None:
    """GIF becomes JPEG; what merely lies there and is no picture is told, and stops nothing."""
    openai.answer_with(Narrator())
    gif = b"GIF89a\1\0\1\0\x80\0\0\xff\xff\xff\0\0\0!\xf9\4\0\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"
    Path("art.gif").write_bytes(gif)
    assert cli("narrate", str(book), "--cover", "art.gif").code == 0
    with av.open("fox.m4b") as opened:
        assert [stream.codec_context.name for stream in opened.streams.video] == ["mjpeg"]
    Path("cover.jpg").write_bytes(b"")
    ran = cli("narrate", str(book), "-o", "fox.m4b")
    assert ran.code == 0
    assert "cover.jpg is no picture that can be read" in ran.err


def test_a_file_is_no_folder_for_a_file_a_chapter(openai: Service, cli: CommandLine, book: Path) -> None:
    """`--split -o book.mp3` would make a folder of that name, with files of another format in it."""
    ran = cli("narrate", str(book), "--split", "-o", "fox.mp3")
    assert (ran.code, openai.requests) == (2, [])
    assert "-o fox/ -f mp3" in ran.err


def test_a_sound_that_stays_too_short_is_not_called_read(openai: Service, cli: CommandLine, book: Path) -> None:
    """Though the service says all of its words."""
    openai.answer_with(Narrator(sounds=lambda text, _: sound_of(text)[:4800]))
    ran = cli("narrate", str(book))
    assert ran.code == 4
    assert "The sound is too short" in ran.err
    assert "Not all words were read" in ran.err
