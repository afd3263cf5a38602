"""What a server answers to: names and origins, exact, decided before the first request comes."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from audiochat.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

LOOPBACK = "127.0.0.1"
_LOOPBACK_NAMES = (LOOPBACK, "localhost", "[::1]")
_HOST = re.compile(r"(?P<name>[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::(?P<port>\d{1,5}))?")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Rules:
    """The names and origins that a server answers to. Make it with `Rules.of`.

    Why names are checked at all: a foreign page can let its own name point to this machine (DNS rebinding)
    and then asks as if it were ours; only the Host header still tells. Why origins are: a foreign page may
    send requests here without being able to read the answers, and each would make the engine work.
    """

    port: int
    hosts: frozenset[str]
    """With their port, as they stand in a Host header."""
    any_port: frozenset[str]
    """Names that are answered with any port: the user forwards another port to this one."""
    origins: frozenset[str]
    """Of our own pages."""
    foreign_origins: frozenset[str]
    """Of pages elsewhere that may ask and read (CORS)."""
    wildcard: bool = False
    """Whether it listens on all addresses: the one that a connection came in at is ours then."""

    @classmethod
    def of(cls, host: str, port: int, *, allow_hosts: Iterable[str] = (), allow_origins: Iterable[str] = ()) -> Rules:
        """The rules of a server.

        Args:
            host: The address that it listens on.
            port: The port that it really has, never 0.
            allow_hosts: More names, each with a port or for any.
            allow_origins: Origins of pages elsewhere that may ask.

        Raises:
            UsageError: one of these is no name, or no origin.
        """
        hosts = {_with_port(name, port) for name in _LOOPBACK_NAMES}
        wildcard = is_wildcard(host)
        if not wildcard:
            hosts.add(_with_port(bracketed(host), port))
        any_port = set()
        for given in allow_hosts:
            name, named_port = _allowed_host(given)
            if named_port is None:
                any_port.add(name)
            else:
                hosts.add(_with_port(name, named_port))
        return cls(
            port=port,
            hosts=frozenset(hosts),
            any_port=frozenset(any_port),
            origins=frozenset(f"http://{name}" for name in hosts),
            foreign_origins=frozenset(_allowed_origin(given) for given in allow_origins),
            wildcard=wildcard,
        )

    def answers_to(self, host: str, *, arrived_at: str | None) -> bool:
        """Whether a Host header names this server.

        Args:
            host: The header's value.
            arrived_at: The address of this machine at which the connection came in.
        """
        host = host.lower()
        if host in self.hosts or (self.wildcard and host == self._own_address(arrived_at)):
            return True
        found = _HOST.fullmatch(host)
        return found is not None and found["name"] in self.any_port

    def is_own_page(self, origin: str, *, arrived_at: str | None) -> bool:
        """Whether an Origin header names a page that this server itself gave out.

        It is never compared with the Host header: with a name that was rebound, the two agree.
        """
        own = self._own_address(arrived_at) if self.wildcard else None
        return origin in self.origins or (own is not None and origin == f"http://{own}")

    def _own_address(self, arrived_at: str | None) -> str | None:
        return None if arrived_at is None else _with_port(bracketed(arrived_at), self.port)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_wildcard(host: str) -> bool:
    """Whether an address stands for all addresses of this machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return host == ""


def bracketed(host: str) -> str:
    """An address as it stands in a URL."""
    host = host.lower()
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _with_port(name: str, port: int) -> str:
    return name if port == _DEFAULT_PORTS["http"] else f"{name}:{port}"


def _allowed_host(given: str) -> tuple[str, int | None]:
    found = _HOST.fullmatch(bracketed(given.strip()) if given.count(":") > 1 else given.strip().lower())
    if found is None:
        raise UsageError(f"--allow-host: {given!r} is no host.", hint="Give a name, or NAME:PORT: chat.lan:8080")
    return found["name"], None if found["port"] is None else int(found["port"])


def _allowed_origin(given: str) -> str:
    wrong = UsageError(
        f"--allow-origin: {given!r} is no origin.", hint="Give scheme, name and port: https://chat.example:8443"
    )
    try:
        parts = urlsplit(given.strip().lower().rstrip("/"))
        port = parts.port
    except ValueError:
        raise wrong from None
    name = _HOST.fullmatch(parts.netloc)
    if parts.scheme not in _DEFAULT_PORTS or name is None or parts.path or parts.query or parts.fragment:
        raise wrong
    # Browsers leave the usual port out.
    return f"{parts.scheme}://{name['name']}" + ("" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}")
