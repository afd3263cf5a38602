"""Loudness as listeners hear it, and peaks that are kept down."""

from __future__ import annotations

import array
import math
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.corpus import tone
from support.speechlike import amplified, like_speech

from audiochat.audio import wav
from audiochat.audio.loudness import PEAK, Limiter, loudness

if TYPE_CHECKING:
    from pathlib import Path


def test_a_tone_of_997_hertz_has_the_loudness_of_its_level() -> None:
    """BS.1770's own example: at full scale in one channel it is -3.01 LUFS; and it follows the level."""
    full = array.array("h", (round(32_767 * math.sin(i * 2 * math.pi * 997 / 24_000)) for i in range(48_000))).tobytes()
    assert loudness(full) == pytest.approx(-3.01, abs=0.05)
    assert loudness(amplified(full, -20.0)) == pytest.approx(-23.01, abs=0.05)


@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
def test_the_loudness_is_the_one_that_ffmpeg_measures(rate: int, tmp_path: Path) -> None:
    """Pauses between words count as little as there, whatever the sample rate."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("there is no ffmpeg program")
    pcm = like_speech(6.0) + bytes(48_000 * 3) + like_speech(2.0, -30.0)
    path = tmp_path / "a.wav"
    path.write_bytes(wav.wrap(pcm, sample_rate=rate))
    told = subprocess.run(
        ["ffmpeg", "-hide_banner", "-nostdin", "-i", path, "-af", "ebur128", "-f", "null", "-"],
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    measured = float(re.findall(r"I: +(-[\d.]+) LUFS", told)[-1])
    assert loudness(pcm, rate) == pytest.approx(measured, abs=0.15)


@pytest.mark.parametrize("pcm", [b"", bytes(48_000), tone(0.3)])
def test_what_cannot_be_measured_has_no_loudness(pcm: bytes) -> None:
    """Silence, and what is shorter than the block that is measured."""
    assert loudness(pcm) is None


def test_peaks_are_kept_down_and_nothing_is_shifted() -> None:
    """Amplified far beyond full scale nothing clips, and as many samples come out as went in."""
    limiter = Limiter()
    out = b"".join([*limiter.limit(bytes(9_600)), *limiter.limit(like_speech(1.0), gain=20.0), *limiter.finish()])
    assert len(out) == 9_600 + 48_000
    samples = array.array("h", out)
    assert max(map(abs, samples)) <= 32_768 * 10 ** (PEAK / 20) + 1
    assert not any(samples[:4_700])


def test_soft_sound_passes_the_limiter_unchanged() -> None:
    """Without gain, and below the limit, each sample stays as it was."""
    limiter = Limiter()
    pcm = like_speech(1.0, -20.0)
    assert (
        b"".join([*limiter.limit(pcm[:20_000]), *limiter.limit(b""), *limiter.limit(pcm[20_000:]), *limiter.finish()])
        == pcm
    )


def test_the_gain_holds_for_what_it_was_given_with() -> None:
    """A later piece's gain does not reach what is still inside."""
    limiter = Limiter()
    pcm = like_speech(1.0, -30.0)
    out = b"".join([*limiter.limit(pcm, gain=6.0), *limiter.limit(pcm, gain=0.0), *limiter.finish()])
    wanted, softer = loudness(amplified(pcm, 6.0)), loudness(pcm)
    assert loudness(out[: len(pcm)]) == pytest.approx(wanted, abs=0.1)
    assert loudness(out[len(pcm) :]) == pytest.approx(softer, abs=0.1)
