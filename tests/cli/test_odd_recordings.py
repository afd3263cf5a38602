"""Recordings whose tracks, channels or headers mislead: what is sent is what one hears, or it is called what it is."""

from __future__ import annotations

import array
import base64
import io
import wave
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.service import PCM, completion

from audiochat.audio import wav

if TYPE_CHECKING:
    from support.command_line import CommandLine
    from support.service import Service

TONE = array.array("h", [8_000 if step // 20 % 2 else -8_000 for step in range(24_000)])


def _stereo(left: array.array[int], right: array.array[int]) -> bytes:
    both = array.array("h", [sample for pair in zip(left, right, strict=True) for sample in pair])
    file = io.BytesIO()
    with wave.open(file, "wb") as made:
        made.setparams((2, 2, 24_000, 0, "NONE", ""))
        made.writeframes(both.tobytes())
    return file.getvalue()


def _sent(openai: Service) -> bytes:
    part = next(one for one in openai.last.json["messages"][-1]["content"] if one["type"] == "input_audio")
    return base64.b64decode(part["input_audio"]["data"])


def _loudest(data: bytes) -> int:
    with wave.open(io.BytesIO(data)) as file:
        samples = array.array("h", file.readframes(file.getnframes()))
    loudest: int = max(*samples, -min(samples))
    return loudest


@pytest.mark.parametrize("channels", ["opposite", "left", "right"])
def test_channels_that_cancel_each_other_are_heard(cli: CommandLine, openai: Service, channels: str) -> None:
    """Right = -left mixes to silence; one silent channel does not halve what counts."""
    silent, minus = array.array("h", bytes(48_000)), array.array("h", [-sample for sample in TONE])
    pairs = {"opposite": (TONE, minus), "left": (TONE, silent), "right": (silent, TONE)}
    Path("a.wav").write_bytes(_stereo(*pairs[channels]))
    openai.answer(completion(audio=wav.wrap(PCM)))
    ran = cli("analyze", "a.wav", "What is it?")
    assert ran.code == 0, ran.err
    assert _loudest(_sent(openai)) > 1_000


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n", "LFS"),
        (b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body></body></html>", "web page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "audio"),
        (b'{"error": {"message": "not found"}}', "audio"),
    ],
)
def test_what_is_no_recording_is_called_what_it_is(cli: CommandLine, openai: Service, data: bytes, told: str) -> None:
    """Before anything is sent."""
    Path("a.wav").write_bytes(data)
    ran = cli("analyze", "a.wav", "What is it?")
    assert ran.code == 6
    assert told in ran.err
    assert openai.requests == []


@pytest.mark.parametrize("claimed", [0, 0xFFFFFFFF, 0x7FFFFFFF, 10_000_000])
def test_sizes_in_a_header_are_true_in_what_is_sent(cli: CommandLine, openai: Service, claimed: int) -> None:
    """As pipes and crashed recorders leave them."""
    whole = bytearray(wav.wrap(PCM))
    whole[4:8] = whole[40:44] = claimed.to_bytes(4, "little")
    Path("a.wav").write_bytes(bytes(whole))
    openai.answer(completion(audio=wav.wrap(PCM)))
    ran = cli("analyze", "a.wav", "What is it?")
    assert ran.code == 0, ran.err
    sent = _sent(openai)
    assert int.from_bytes(sent[4:8], "little") == len(sent) - 8
    with wave.open(io.BytesIO(sent)) as file:
        assert file.readframes(file.getnframes()) == PCM
