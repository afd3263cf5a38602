"""What stands in a recording's place is named; what may be a recording is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import odd_recordings as odd
from support.corpus import KINDS, PLAIN, PLAYLISTS, RARE, made, playlist

from audiochat.audio.not_audio import ENOUGH, identify

PAGE = b"<html><head><title>\n  404 &mdash;\n  Not found </title></head></html>"


@pytest.mark.parametrize(
    ("head", "what", "says"),
    [
        (odd.LFS_POINTER, "a Git LFS pointer", None),
        (odd.ANNEX_POINTER, "a git-annex pointer", None),
        (b"../.git/annex/objects/9X/Pp/MD5-s1--a/MD5-s1--a", "a git-annex pointer", None),
        (odd.TORRENT, "a torrent", None),
        (b"d13:announce-listll3:udpeee", "a torrent", None),
        (PAGE, "a web page (HTML)", "404 &mdash; Not found"),
        (b"\xef\xbb\xbf\r\n<!-- x --><!DOCTYPE HTML PUBLIC>", "a web page (HTML)", None),
        (b'<?xml version="1.0"?>\n<!DOCTYPE html>\n<html xmlns="x"/>', "a web page (HTML)", None),
        (b'{"error": {"message": "Not\\n found"}}', "JSON text", "Not found"),
        (b'{"detail": [{"loc": ["q"], "msg": "no token"}]}', "JSON text", "no token"),
        (b'[{"error": "busy"}]', "JSON text", "busy"),
        (b'{"statusCode": 401}', "JSON text", None),
        (b'{"cut in the mid', "JSON text", None),
        (b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>", "XML text", "Access Denied"),
        (b"<rss><channel><title>A podcast</title>", "XML text", "A podcast"),
        (b"[InternetShortcut]\r\nURL=https://example.org/a.mp3\r\n", "a shortcut", None),
        ("\ufeffNotes\n".encode("utf-16"), "text", None),
        (b"PK\3\4" + bytes(30), "a zip archive", None),
        (b"%PDF-1.7\n", "a PDF document", None),
        (b"MThd\0\0\0\6", "MIDI, notes without sound", None),
        ("é".encode() * ENOUGH, "text", None),
        ("\ufeff<!DOCTYPE html><title>Hé</title>".encode("utf-16-le"), "a web page (HTML)", "Hé"),
        (odd.LFS_POINTER.replace(b"git-lfs", b"hawser"), "a Git LFS pointer", None),
        (b"{\\rtf1 Notes}", "text", None),
        (b"bplist00" + bytes(30), "a property list, as iCloud keeps for a file that is elsewhere", None),
        (b"\0\0\0\x20ftypaax " + bytes(30), "a copy-protected audiobook (Audible)", None),
    ],
)
def test_what_is_no_recording_is_named(head: bytes, what: str, says: str | None) -> None:
    """With the words of a server, where it said some."""
    found = identify(head)
    assert found is not None
    assert (found.what, found.says) == (what, says)
    assert found.hint


@pytest.mark.parametrize("name", [name for name in PLAYLISTS if name not in ("reference movie", "url")])
def test_playlists_are_named(name: str) -> None:
    """They name recordings and hold none."""
    found = identify(playlist(name, "song.mp3"))
    assert found is not None
    assert found.what in ("a playlist", "XML text")


@pytest.mark.parametrize("name", [*KINDS, *RARE, *PLAIN])
def test_recordings_are_not_named(name: str) -> None:
    """A recording is left to the decoders."""
    assert identify(made({**KINDS, **RARE, **PLAIN}[name], 0.2)) is None


def test_a_long_reason_is_cut() -> None:
    """An error is to be one line."""
    found = identify(b'{"message": "%s"}' % (b"x" * 1000))
    assert found is not None
    assert len(str(found.says)) < 130


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_named_or_not(head: bytes) -> None:
    """Without an exception, whatever they are."""
    identify(head)
