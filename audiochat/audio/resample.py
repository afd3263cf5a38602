"""Frames of any layout, rate and sample format to s16le samples: mixed to one channel, or each channel by itself."""

from __future__ import annotations

import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeAlias

    from av import AudioFrame

    Convert: TypeAlias = Callable[[AudioFrame | None], list[AudioFrame]]
    """Gives the frames that are ready after the next one; the rest after None."""


def frames_to_pcm(frames: Iterable[AudioFrame]) -> Iterator[bytes]:
    """The samples of packed s16 frames, without the padding of their planes."""
    for frame in frames:
        if frame.samples:
            yield bytes(frame.planes[0])[: 2 * frame.samples * frame.layout.nb_channels]


def to_mono(frames: Iterable[AudioFrame], sample_rate: int) -> Iterator[bytes]:
    """Mix frames to mono s16le samples.

    FFmpeg's own matrix is used where it knows which channel is which. Otherwise each channel has the same weight: what
    FFmpeg makes of three or twelve unnamed channels leaves some of them out.
    """
    return _converted(frames, lambda first: mono_converter(first, sample_rate))


def to_channels(frames: Iterable[AudioFrame], sample_rate: int, channels: int) -> Iterator[tuple[bytes, ...]]:
    """Make s16le samples of frames, for each channel by itself.

    Args:
        frames: The frames.
        sample_rate: Of what is given.
        channels: How many to give; where frames have fewer on the way, the last one stands for the rest.
    """
    for block in _converted_frames(frames, lambda first: packed_converter(first, sample_rate)):
        count = block.layout.nb_channels
        samples = array.array("h", b"".join(frames_to_pcm([block])))
        # Of planar frames, PyAV reads no more than eight channels rightly; so they are taken apart here.
        planes = [samples[channel::count].tobytes() for channel in range(min(count, channels))]
        if planes and planes[0]:
            yield (*planes, *[planes[-1]] * (channels - len(planes)))


def mono_converter(first: AudioFrame, sample_rate: int) -> Convert:
    """Mixes frames like the first one to mono s16."""
    import av

    count = first.layout.nb_channels
    if count > 2 and first.layout.name == f"{count} channels":
        return _averager(first, sample_rate)
    return av.AudioResampler(format="s16", layout="mono", rate=sample_rate).resample


def packed_converter(first: AudioFrame, sample_rate: int) -> Convert:
    """Makes packed s16 of frames like the first one, with the channels that they have."""
    import av

    return av.AudioResampler(format="s16", layout=first.layout, rate=sample_rate).resample


def _averager(first: AudioFrame, sample_rate: int) -> Convert:
    import av

    graph = av.filter.Graph()
    names = [f"c{channel}" for channel in range(first.layout.nb_channels)]
    nodes = (
        graph.add_abuffer(
            sample_rate=first.sample_rate, format=first.format.name, layout=first.layout, time_base=first.time_base
        ),
        graph.add("pan", f"mono|c0<{'+'.join(names)}"),
        graph.add("aformat", f"sample_fmts=s16:sample_rates={sample_rate}:channel_layouts=mono"),
        graph.add("abuffersink"),
    )
    graph.link_nodes(*nodes).configure()

    def convert(frame: AudioFrame | None) -> list[AudioFrame]:
        graph.push(frame)
        return list(pulled(graph))

    return convert


def pulled(graph: object) -> Iterator[AudioFrame]:
    """The frames that are ready at the end of a filter graph."""
    import av

    while True:
        try:
            yield graph.pull()  # type: ignore[attr-defined]
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def _converted(frames: Iterable[AudioFrame], converter: Callable[[AudioFrame], Convert]) -> Iterator[bytes]:
    return frames_to_pcm(_converted_frames(frames, converter))


def _converted_frames(frames: Iterable[AudioFrame], converter: Callable[[AudioFrame], Convert]) -> Iterator[AudioFrame]:
    """Convert frames whose layout, rate or format may change on the way: files that were joined do."""
    convert: Convert | None = None
    kind: tuple[object, ...] = ()
    for frame in frames:
        new = (frame.sample_rate, frame.layout.name, frame.format.name)
        if convert is None or kind != new:
            if convert is not None:
                yield from convert(None)
            kind, convert = new, converter(frame)
        yield from convert(frame)
    if convert is not None:
        yield from convert(None)
