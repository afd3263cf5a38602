"""The options that servers share (`serve`, `playground`), and the settings, address and rules that they make."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, ClassVar

from audiochat import config
from audiochat.cli.options import ServiceOptions, option
from audiochat.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from audiochat.web.rules import Rules
    from audiochat.web.server import Listening

SERVE_PORT, PLAYGROUND_PORT = 8642, 8643
"""Always the same: browsers remember for an address that it may use the microphone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions(ServiceOptions):
    """The options of every server."""

    as_json: ClassVar[bool] = False

    host: Annotated[
        str,
        option(
            "Network",
            "--host",
            metavar="ADDRESS",
            text="Where to listen; anything but loopback needs a key. [default: 127.0.0.1]",
        ),
    ] = "127.0.0.1"
    port: Annotated[
        int | None,
        option(
            "Network",
            "--port",
            metavar="N",
            text=f"The port; 0 takes any free one. [default: {SERVE_PORT} for serve, {PLAYGROUND_PORT} for playground]",
        ),
    ] = None
    api_key: Annotated[
        str | None,
        option(
            "Network",
            "--api-key",
            metavar="KEY",
            text="The key that clients have to send; safer in the environment, as others can see command lines. "
            "[env: AUDIOCHAT_SERVE_KEY]",
        ),
    ] = None
    allow_host: Annotated[
        list[str] | None,
        option(
            "Network",
            "--allow-host",
            metavar="NAME[:PORT]",
            text="Another host name that clients may use; may be given again.",
        ),
    ] = None
    allow_origin: Annotated[
        list[str] | None,
        option(
            "Network",
            "--allow-origin",
            metavar="ORIGIN",
            text="A web page elsewhere that may send requests (CORS); may be given again.",
        ),
    ] = None
    quiet: Annotated[
        bool,
        option("Output", "-q", "--quiet", text="No notes, no progress; only the address and errors."),
    ] = False
    debug: Annotated[bool, option("Output", "--debug", text="Show every request.")] = False

    def settings(self, *, provider: str | None = None) -> config.Settings:
        """The settings of a server.

        Args:
            provider: Where no option names one.
        """
        return self.load_settings(provider=provider, serve_key=self.api_key)

    def listen(self, settings: config.Settings, *, port: int) -> tuple[Listening, Rules]:
        """Take the address, if it may be opened; and what the server answers to there.

        Args:
            settings: They hold the key.
            port: Where no option names one.

        Raises:
            AudiochatError: the extra is missing, others could reach it without a key, or the port is taken.
        """
        require_web()
        from audiochat.web.rules import Rules
        from audiochat.web.server import bind, require_key

        if self.port is not None and not 0 <= self.port <= 65_535:
            raise UsageError(f"There is no port {self.port}.", hint="Ports go from 0 (any free one) to 65535.")
        require_key(self.host, settings.serve_key)
        Rules.of(self.host, 1, allow_hosts=self.allow_host or (), allow_origins=self.allow_origin or ())
        listening = bind(self.host, port if self.port is None else self.port)
        rules = Rules.of(
            self.host, listening.port, allow_hosts=self.allow_host or (), allow_origins=self.allow_origin or ()
        )
        return listening, rules


def require_web() -> None:
    """Refuse to go on without the extra `web`.

    Raises:
        ConfigurationError: it is not installed.
    """
    missing = [name for name in ("starlette", "uvicorn", "python_multipart") if find_spec(name) is None]
    if missing:
        from audiochat.extras import install_command

        raise ConfigurationError(
            f"The server is not installed ({', '.join(missing)} missing).",
            hint=install_command("web"),
            code="not_installed",
        )
