"""What is measured: each function takes a room and yields rows of the table."""

from __future__ import annotations

import base64
import contextlib
import functools
import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import service
from harness import (
    AUDIOCHAT,
    HERE,
    ORDINARY,
    PEERS,
    ROOT,
    Failed,
    Room,
    Sample,
    apart,
    in_turns,
    own_peak,
    ratio,
    run,
    spread,
    write_recording,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

PYTHON = sys.executable
PEER_BIN = ROOT / ".bench-venv" / "bin"
"""Tools that are measured beside audiochat, in an environment of their own."""
MEGABYTE = 1_000_000
SECOND_OF_SOUND = 48_044
"""Bytes of a WAV file: s16le, mono, 24,000 Hz."""
FIFTH_OF_SECOND = 9_600
"""Bytes of a delta's sound."""
_IMPORT_ALONE = "import gc, os; gc.disable(); import openai; os._exit(0)"
SIGN_IN_SECONDS = 1.0
"""What the command `az` of the room takes."""
DOG = "Is a golden retriever a good family dog?"


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    what: str
    figure: str
    target: str = ""
    met: bool | None = None
    """None where there is no target."""

    def __str__(self) -> str:
        """The row in Markdown."""
        met = {None: "", True: "yes", False: "**no**"}[self.met]
        return f"| {self.what} | {self.figure} | {self.target} | {met} |"


def judged(what: str, value: float, most: float, detail: str) -> Row:
    """A row with a ratio and the most that it may be."""
    return Row(what, f"**{value:.2f}**: {detail}", f"≤ {most:g}", met=value <= most)


def _compared(what: str, most: float, ours: Sequence[Sample], theirs: Sequence[Sample]) -> Row:
    detail = f"{spread(ours, scale=1000)} ÷ {spread(theirs, scale=1000)} ms"
    return judged(what, ratio(ours, theirs), most, detail)


def _peer(name: str) -> str | None:
    """A program to measure beside audiochat, if it is installed."""
    return str(PEER_BIN / name) if (PEER_BIN / name).exists() else shutil.which(name)


def _used(samples: Sequence[Sample]) -> str:
    """Time and memory in one line."""
    return (
        f"{spread(samples, scale=1000)} ms, {spread(samples, 'cpu', 1000).median:.0f} ms of CPU, "
        f"{spread(samples, 'peak', 1 / MEGABYTE).median:.0f} MB"
    )


def start(room: Room) -> Iterator[Row]:
    """How soon the command line is there."""
    commands: dict[str, list[str]] = {
        "python -c pass": [PYTHON, "-c", "pass"],
        "audiochat --version": [AUDIOCHAT, "--version"],
        "audiochat --help": [AUDIOCHAT, "--help"],
        "audiochat speak --help": [AUDIOCHAT, "speak", "--help"],
    }
    peers = {name: _peer(name) for name in ("llm", "edge-tts")}
    commands.update({f"{name} --help": [program, "--help"] for name, program in peers.items() if program})
    taken = in_turns(
        {name: functools.partial(run, command, room.clean) for name, command in commands.items()}, room.rounds
    )
    bare = taken.pop("python -c pass")
    for name, most in (("audiochat --version", 1.5), ("audiochat --help", 8), ("audiochat speak --help", 20)):
        yield _compared(f"`{name}` ÷ `python -c pass`", most, taken[name], bare)
    for name in peers:
        samples = taken.get(f"{name} --help")
        figure = f"{ratio(samples, bare):.2f}: {spread(samples, scale=1000)} ms" if samples else "not installed"
        yield Row(f"peer: `{name} --help` ÷ `python -c pass`", figure)


def _speak(env: Mapping[str, str]) -> Callable[[], Sample]:
    def spoken() -> Sample:
        sample = run([AUDIOCHAT, "speak", DOG, "-o", "dog.wav"], env)
        _holds("dog.wav", SECOND_OF_SOUND)
        return sample

    return spoken


def _holds(name: str, size: int) -> None:
    """Make sure that a contestant wrote what it should, and nothing is left for the next."""
    if not Path(name).exists() or Path(name).stat().st_size != size:
        raise Failed(f"{name} has another size than the answer")
    Path(name).unlink()


def _quickstart(script: str, env: Mapping[str, str], name: str, size: int, *arguments: str) -> Callable[[], Sample]:
    def asked() -> Sample:
        sample = run([PYTHON, str(PEERS / script), *arguments], env)
        _holds(name, size)
        return sample

    return asked


def key(room: Room) -> Iterator[Row]:
    """A short spoken answer, signed in with a key."""
    env = room.azure(f"sound-{SECOND_OF_SOUND}")
    contestants = {
        "audiochat": _speak(env),
        "quickstart": _quickstart("quickstart.py", env, "dog.wav", SECOND_OF_SOUND),
        "ordinary": _speak({**env, **ORDINARY}),
        "openai": _speak(room.openai(f"sound-{SECOND_OF_SOUND}")),
        "import": functools.partial(run, [PYTHON, "-c", _IMPORT_ALONE], room.clean),
    }
    missing = [tool for tool in ("jq", "curl", "base64") if shutil.which(tool) is None]
    if not missing:
        contestants["pipeline"] = functools.partial(run, [str(PEERS / "pipeline.sh")], env)
    taken = in_turns(contestants, room.rounds)
    what = "`speak`, key, 1 s of sound ÷ quickstart"
    yield _compared(what, 0.5, taken["audiochat"], taken["quickstart"])
    yield _compared(f"{what}, with public means alone", 0.75, taken["ordinary"], taken["quickstart"])
    share = ratio(taken["import"], taken["quickstart"])
    figure = f"{share:.2f}: {spread(taken['import'], scale=1000)} ms"
    yield Row("of which the SDK's import alone, as Python does it, without garbage collection or teardown", figure)
    yield Row("`speak`, key: time, CPU, memory", _used(taken["audiochat"]))
    yield Row("`speak`, key, OpenAI: time, CPU, memory", _used(taken["openai"]))
    yield Row("peer: quickstart: time, CPU, memory", _used(taken["quickstart"]))
    figure = f"{missing[0]} is not installed" if missing else f"{spread(taken['pipeline'], scale=1000)} ms"
    yield Row("peer: curl, jq and base64: time", figure)


def keyless(room: Room) -> Iterator[Row]:
    """A short spoken answer, signed in with a command `az` that takes a second."""
    env = room.azure(f"sound-{SECOND_OF_SOUND}", key=False)
    contestants = {
        "audiochat": _speak(env),
        "quickstart": _quickstart("quickstart.py", env, "dog.wav", SECOND_OF_SOUND),
    }
    taken = in_turns(contestants, room.rounds)
    ours, theirs = taken["audiochat"], taken["quickstart"]
    yield _compared("`speak`, keyless, `az` takes 1 s ÷ quickstart", 0.7, ours, theirs)
    rest = [(spread(samples).median - SIGN_IN_SECONDS) * 1000 for samples in (ours, theirs)]
    figure = f"{rest[0] / rest[1]:.2f}: {rest[0]:.0f} ÷ {rest[1]:.0f} ms"
    yield Row("the same without the second of `az`, which nobody can shorten", figure)


def _analyze(room: Room, size: int) -> dict[str, list[Sample]]:
    """A recording of `size` bytes in, an answer of as many out."""
    apart(write_recording, "recording.wav", size)
    env = room.azure(f"sound-{size}")

    def analyzed() -> Sample:
        sample = run([AUDIOCHAT, "analyze", "recording.wav", "-o", "analysis.wav"], env)
        _holds("analysis.wav", size)
        if room.last()["body"] < size * 4 / 3:
            raise Failed("The service did not get the recording.")
        return sample

    quickstart = _quickstart("quickstart_audio.py", env, "analysis.wav", size, "recording.wav")
    taken = in_turns({"audiochat": analyzed, "quickstart": quickstart}, room.rounds)
    least = min(sample.peak for samples in taken.values() for sample in samples)
    if least <= own_peak():
        raise Failed(f"what measures is larger, {own_peak()} bytes, than what is measured, {least}")
    return taken


def files(room: Room) -> Iterator[Row]:
    """Large recordings in, large answers out."""
    yield Row(
        "the service itself: a request and an answer with 15 MB of sound",
        f"{apart(_service_alone, room.url, room.rounds, 15 * MEGABYTE) * 1000:.0f} ms",
        "< 60 ms",
    )
    taken = _analyze(room, 15 * MEGABYTE)
    ours, theirs = taken["audiochat"], taken["quickstart"]
    yield _compared("15 MB in and out: time ÷ quickstart", 0.75, ours, theirs)
    detail = f"{spread(ours, 'peak', 1 / MEGABYTE)} ÷ {spread(theirs, 'peak', 1 / MEGABYTE)} MB"
    yield judged("15 MB in and out: peak memory ÷ quickstart", ratio(ours, theirs, "peak"), 0.32, detail)
    size = 20 * MEGABYTE
    peak = spread(_analyze(room, size)["audiochat"], "peak", 1 / size)
    yield judged("20 MB in and out: peak memory ÷ file", peak.median, 3, f"{peak.median * size / MEGABYTE:.0f} ÷ 20 MB")


def _service_alone(url: str, rounds: int, size: int) -> float:
    """Seconds that the service takes for a request and an answer with `size` bytes of sound."""
    import socket

    host, port = url.removeprefix("http://").split(":")
    body, space = base64.b64encode(service.wav(size)), bytearray(MEGABYTE)
    head = f"POST /sound-{size}/v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    taken = []
    for _ in range(rounds + 1):
        with socket.create_connection((host, int(port))) as connection:
            started = time.monotonic()
            connection.sendall(head)
            connection.sendall(body)
            got = 0
            while got < len(body):
                more = connection.recv_into(space)
                if not more:
                    raise Failed("The service has closed the connection.")
                got += more
            taken.append(time.monotonic() - started)
    return sorted(taken[1:])[rounds // 2]


def sound(room: Room) -> Iterator[Row]:
    """How soon the first sound of a stream leaves, from when the service had the request."""
    what = "first sound after the request ÷ `curl -N`"
    curl = shutil.which("curl")
    if not curl:
        yield Row(what, "curl is not installed", "≤ 2.1")
        return
    contestants = {}
    for pause in (20, 0):
        answer = f"deltas-100-{FIFTH_OF_SECOND}-{pause}"
        speak = [AUDIOCHAT, "speak", DOG, "-o", "-", "-f", "pcm16"]
        asked = [curl, "-sN", "-d", "{}", f"{room.url}/{answer}/v1/chat/completions"]
        contestants["audiochat", pause] = functools.partial(run, speak, room.azure(answer), until=b"", asks=room)
        contestants["curl", pause] = functools.partial(run, asked, room.clean, until=b'"data"', asks=room)
    taken = in_turns(contestants, room.rounds)

    def detail(pause: int) -> str:
        ours, theirs = taken["audiochat", pause], taken["curl", pause]
        return f"{spread(ours, 'answered', 1000)} ÷ {spread(theirs, 'answered', 1000)} ms"

    value = ratio(taken["audiochat", 20], taken["curl", 20], "answered")
    yield judged(f"{what}, deltas 20 ms apart", value, 2.1, detail(20))
    yield Row("the same, the first delta at once", detail(0))


def deltas(room: Room) -> Iterator[Row]:
    """The processor's work for each delta of a stream, whatever the process costs besides."""
    few, many = 100, 10_000
    speak = [AUDIOCHAT, "speak", DOG, "-o", "-", "-f", "pcm16"]
    typed = [PYTHON, str(PEERS / "typed_stream.py")]
    contestants = {
        (name, count): functools.partial(run, command, room.azure(f"deltas-{count}-{FIFTH_OF_SECOND}-0"))
        for name, command in (("audiochat", speak), ("typed", typed))
        for count in (few, many)
    }
    taken = in_turns(contestants, room.rounds)
    each = {
        name: (spread(taken[name, many], "cpu").median - spread(taken[name, few], "cpu").median) / (many - few)
        for name in ("audiochat", "typed")
    }
    detail = f"{each['audiochat'] * 1e6:.0f} ÷ {each['typed'] * 1e6:.0f} µs"
    yield judged("CPU for each delta of 0.2 s ÷ the SDK's typed stream", each["audiochat"] / each["typed"], 0.5, detail)


def library(room: Room) -> Iterator[Row]:
    """Many requests at once through one client."""
    ideal = 64 / 16 * 0.2
    taken = []
    env = room.azure(f"wait-200-{SECOND_OF_SOUND}")
    for _ in range(room.rounds):
        done = subprocess.run(
            [PYTHON, HERE / "library.py", "64", "16"], env=env, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Failed(done.stderr.strip().splitlines()[-1])
        taken.append(Sample(float(done.stdout), 0, 0))
    what = f"64 requests of 200 ms, 16 at once, one `Client` ÷ {ideal:.1f} s"
    yield judged(what, spread(taken).median / ideal, 1.3, f"{spread(taken)} s")


def streams(room: Room) -> Iterator[Row]:
    """The first byte of a stream in every format, and the memory of a long one."""
    speak = [AUDIOCHAT, "speak", DOG, "-q", "-o", "-", "-f"]
    env = room.azure(f"deltas-100-{FIFTH_OF_SECOND}-20")
    formats = ("pcm16", "wav", "mp3", "flac", "opus", "aac")
    contestants = {name: functools.partial(run, [*speak, name], env, until=b"", asks=room) for name in formats}
    for name, samples in in_turns(contestants, min(room.rounds, 3)).items():
        sent = max(sample.sent for sample in samples)
        figure = f"{spread(samples, 'first')} s, {sent} of 103 pieces sent"
        yield Row(f"100 deltas, 20 ms apart, {name}: first byte after the start", figure)
    short, long = (room.azure(f"deltas-{count}-{FIFTH_OF_SECOND}-0") for count in (1, 30 * 60 * 5))
    base = spread([run([*speak, "pcm16"], short)], "peak", 1 / MEGABYTE).median
    yield Row("peak memory, a fifth of a second of sound", f"{base:.0f} MB")
    for name in ("pcm16", "wav", "mp3"):
        peak = spread([run([*speak, name], long, until=b"")], "peak", 1 / MEGABYTE).median
        yield Row(f"peak memory, 30 minutes of sound through a pipe, {name}", f"{peak:.0f} MB, {peak - base:+.0f} MB")


def engine(room: Room) -> Iterator[Row]:
    """The local engine, a cold process, its models in the cache."""
    env = {**room.clean, "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))}
    speak = [AUDIOCHAT, "speak", "Tell me about rain.", "--provider", "local"]
    try:
        run([*speak, "-o", "dog.wav"], env)  # fetches the models once
    except Failed:
        yield Row("local engine, cold process", "not installed, or its models cannot be fetched")
        return
    taken = in_turns({"local": functools.partial(run, [*speak, "-o", "-", "-f", "wav"], env, until=b"")}, room.rounds)[
        "local"
    ]
    whole, first = spread(taken), spread(taken, "first")
    yield Row("local engine, cold process: whole answer", f"{whole} s", "≤ 3 s", whole.median <= 3)
    yield Row("local engine, cold process: first sound", f"{first} s", "≤ 2.5 s", first.median <= 2.5)
    yield Row("local engine: peak memory", f"{spread(taken, 'peak', 1 / MEGABYTE).median:.0f} MB")
    yield from _engine_beside_others(env)


def _engine_beside_others(env: Mapping[str, str]) -> Iterator[Row]:
    """The engine's processor time and wall time on a quiet machine, and with a process that never rests beside it."""
    analyze = [AUDIOCHAT, "analyze", "dog.wav", "Sum it up.", "--text-only", "--provider", "local"]
    passive = {"OMP_WAIT_POLICY": "PASSIVE"}
    for name, how in (("threads that sleep", passive), ("threads that spin", {"OMP_WAIT_POLICY": "ACTIVE"})):
        medians = []
        for busy in (0, 1):
            with _busy(busy):
                samples = []
                for _ in range(3):
                    _forget_heard(env)
                    samples.append(run(analyze, {**env, **how}))
            medians.append(spread(samples).median)
        quiet, loaded = medians
        yield Row(
            f"local engine, {name}: analyze, quiet / beside one busy process",
            f"{quiet:.1f} / {loaded:.1f} s",
            "at most twice" if how is passive else "",
            loaded <= 2 * quiet if how is passive else None,
        )


@contextlib.contextmanager
def _busy(count: int) -> Iterator[None]:
    """Processes that never rest, for as long as the block lasts."""
    running = [subprocess.Popen([PYTHON, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def _forget_heard(env: Mapping[str, str]) -> None:
    """Have recordings listened to again, which the engine does once an hour by itself."""
    for path in (Path(env["XDG_CACHE_HOME"]) / "audiochat" / "answers").glob("heard_*.json"):
        path.unlink()


def size(_room: Room) -> Iterator[Row]:
    """What an installation without extras takes."""
    with tempfile.TemporaryDirectory() as folder:
        built = subprocess.run(
            [PYTHON, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT], capture_output=True, check=False
        )
        wheels = list(Path(folder).glob("*.whl"))
        figure = f"{wheels[0].stat().st_size / 1000:.0f} kB" if wheels and not built.returncode else "not built"
    yield Row("audiochat's wheel", figure)
    sizes = {name: _installed(name) for name in sorted(_dependencies("audiochat"))}
    yield Row(
        "installed without extras, bytecode apart", f"{sum(sizes.values()) / MEGABYTE:.1f} MB, {len(sizes)} packages"
    )
    shown = sorted(sizes.items(), key=lambda item: -item[1])
    yield Row("of which, in MB", ", ".join(f"{name} {each / MEGABYTE:.2f}" for name, each in shown))


def _dependencies(name: str) -> set[str]:
    """The names of a distribution and of everything that it needs without extras."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found: set[str] = set()
    left = [(name, "")]
    asked: set[tuple[str, str]] = set()
    while left:
        pair = left.pop()
        if pair in asked:
            continue
        asked.add(pair)
        found.add(canonicalize_name(pair[0]))
        for line in importlib.metadata.requires(pair[0]) or []:
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate({"extra": pair[1]}):
                left += [(wanted.name, extra) for extra in ("", *wanted.extras)]
    return found


def _installed(name: str) -> int:
    """Bytes of a distribution's files."""
    if name == "audiochat":  # its files are here
        paths = [path for path in (ROOT / "audiochat").rglob("*") if path.is_file()]
    else:
        paths = [Path(str(path.locate())) for path in importlib.metadata.files(name) or []]
    return sum(path.stat().st_size for path in paths if path.suffix != ".pyc" and path.exists())


MEASUREMENTS: dict[str, Callable[[Room], Iterator[Row]]] = {
    measurement.__name__: measurement
    for measurement in (start, key, keyless, files, sound, deltas, library, streams, engine, size)
}
