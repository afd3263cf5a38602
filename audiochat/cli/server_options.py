"""The options that servers share (`serve`, `playground`), and the settings, address and rules that they make."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from audiochat import config
from audiochat.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from audiochat.web.rules import Rules
    from audiochat.web.server import Listening


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """What every server takes."""

    as_json: ClassVar[bool] = False

    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            rich_help_panel="Network",
            help="Where to listen; anything but loopback needs a key.",
        ),
    ] = "127.0.0.1"
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            metavar="N",
            rich_help_panel="Network",
            help="The port; 0 takes any free one.",
            show_default=False,
        ),
    ] = None
    api_key: Annotated[
        str | None,
        typer.Option(
            "--api-key",
            metavar="KEY",
            rich_help_panel="Network",
            help="What clients have to send; better in AUDIOCHAT_SERVE_KEY: others can see command lines.",
            show_default=False,
        ),
    ] = None
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host",
            metavar="NAME[:PORT]",
            rich_help_panel="Network",
            help="Another name that clients know it by; repeatable.",
            show_default=False,
        ),
    ] = None
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-origin",
            metavar="ORIGIN",
            rich_help_panel="Network",
            help="A web page elsewhere that may ask (CORS); repeatable.",
            show_default=False,
        ),
    ] = None
    model: Annotated[
        str | None,
        typer.Option(
            "-m",
            "--model",
            metavar="NAME",
            rich_help_panel="Model",
            help="Deployment (Azure) or model.",
            show_default=False,
        ),
    ] = None
    provider: Annotated[
        str | None,
        typer.Option(
            "--provider",
            metavar="NAME",
            rich_help_panel="Model",
            help="azure, openai or local.",
            show_default=False,
        ),
    ] = None
    env_file: Annotated[
        Path | None,
        typer.Option(
            "--env-file",
            metavar="PATH",
            rich_help_panel="Model",
            help="Read this file instead of .env.",
            show_default=False,
        ),
    ] = None
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            rich_help_panel="Network",
            help=f"Seconds for one request. [default: {config.TIMEOUT:.0f}]",
            show_default=False,
        ),
    ] = None
    quiet: Annotated[
        bool,
        typer.Option("-q", "--quiet", rich_help_panel="Output", help="No notes, no progress; the address stays."),
    ] = False
    debug: Annotated[bool, typer.Option("--debug", rich_help_panel="Output", help="Show every request.")] = False

    def settings(self, *, provider: str | None = None) -> config.Settings:
        """The settings of a server.

        Args:
            provider: Where no option names one.
        """
        from audiochat.files import user_path

        env_file = None if self.env_file is None else user_path(str(self.env_file))
        return config.load(
            config.Flags(
                provider=self.provider or provider,
                model=self.model,
                timeout=self.timeout,
                env_file=env_file,
                serve_key=self.api_key,
            )
        )

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
