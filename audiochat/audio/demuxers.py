"""The containers that recordings are read from, as FFmpeg calls them."""

from __future__ import annotations

from pathlib import PurePath

from audiochat.audio.sniff import sniff

# Playlists and the like are left out: they make FFmpeg open other files, and the network. So are games' containers,
# subtitles and pictures.
_COMMON = "aac,aiff,amr,amrnb,amrwb,asf,au,avi,caf,flac,flv,matroska,mov,mp3,mp4,mpeg,mpegts,nut,ogg,opus,wav,webm,w64"
_MUSIC = "ac3,ape,dsf,dts,dtshd,eac3,iff,mlp,mpc,mpc8,oma,osq,qoa,rm,shn,tak,truehd,tta,vqf,wsd,wv,xwma"
# Of corpora, dictating machines, telephones, laboratories.
_SPEECH = "act,codec2,dss,g722,g723_1,g729,gsm,ilbc,lc3,nistsphere,pvf,qcp,sbc,sln,voc"
_BROADCAST = "dv,gxf,ircam,latm,loas,mxf,wtv"
# Raw samples, only by a file's suffix: see `demuxer_for`.
_RAW = "alaw,mulaw"

DEMUXERS = f"{_COMMON},{_MUSIC},{_SPEECH},{_BROADCAST},{_RAW}"
"""The names of FFmpeg's demuxers that may be tried."""

_TELEPHONE = {"sample_rate": "8000"}
_BY_SUFFIX: dict[str, tuple[str, dict[str, str]]] = {
    ".al": ("alaw", _TELEPHONE),
    ".alaw": ("alaw", _TELEPHONE),
    ".ul": ("mulaw", _TELEPHONE),
    ".ulaw": ("mulaw", _TELEPHONE),
    ".mulaw": ("mulaw", _TELEPHONE),
    ".pcmu": ("mulaw", _TELEPHONE),
    ".pcma": ("alaw", _TELEPHONE),
    ".g722": ("g722", {}),
    ".722": ("g722", {}),
    ".g723": ("g723_1", {}),
    ".g729": ("g729", {}),
    ".gsm": ("gsm", {}),
    ".sln": ("sln", _TELEPHONE),
    ".sln16": ("sln", {"sample_rate": "16000"}),
}
"""Formats of telephone systems, whose files have nothing to recognise them by."""

_MARKED = (b"RIFF", b"RIFX", b"RF64", b"OggS", b"fLaC", b"ID3", b".snd", b"FORM", b"NIST", b"\x1a\x45\xdf\xa3", b"#!")
"""How files begin that are something else, whatever their names say."""


def demuxer_for(head: bytes, name: str) -> tuple[str | None, dict[str, str]]:
    """The demuxer to read a file with, and its options; no name where FFmpeg is to recognise it.

    Args:
        head: The file's start.
        name: The file's name.
    """
    if sniff(head) == "aac":  # which FFmpeg does not recognise by a frame or two
        return "aac", {}
    by_suffix = _BY_SUFFIX.get(PurePath(name).suffix.lower())
    if by_suffix is None or head.startswith(_MARKED) or head[4:8] == b"ftyp":
        return None, {}
    from audiochat.audio.not_audio import identify

    return by_suffix if identify(head) is None else (None, {})
