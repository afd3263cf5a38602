"""Where settings come from, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command_line import CANARY

from audiochat import config, storage
from audiochat.config import Flags, Settings, Source
from audiochat.errors import ConfigurationError, FileError, UsageError

NO_FLAGS = Flags()


def project(text: str) -> Path:
    """Write the working directory's `.env`."""
    path = Path.cwd() / ".env"
    path.write_text(text, encoding="utf-8")
    return path


def own(home: Path, text: str) -> Path:
    """Write the user's own `.env`."""
    folder = home / "config" / "audiochat"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".env").write_text(text, encoding="utf-8")
    return folder / ".env"


def load(flags: Flags = NO_FLAGS, /, **variables: str) -> Settings:
    """The settings with these variables in an environment of their own, which knows the test's home."""
    import os

    return config.load(flags, environment={"XDG_CONFIG_HOME": os.environ["XDG_CONFIG_HOME"], **variables})


def test_nothing_configured_is_the_local_engine_with_the_defaults() -> None:
    """Without a word from anybody the engine answers, in the default voice."""
    settings = load()
    assert (settings.provider, settings.model, settings.voice) == ("local", None, "alloy")
    assert settings.source("AUDIOCHAT_VOICE") is Source.DEFAULT
    assert settings.source("AUDIOCHAT_PROVIDER") is Source.DEFAULT
    assert (settings.azure_endpoint, settings.azure_api_key, settings.openai_api_key) == (None, None, None)


def test_a_value_comes_from_the_strongest_layer(home: Path) -> None:
    """Flag, environment, `.env` of the working directory, the user's `.env`, default: in that order, and remembered."""
    name = "AUDIOCHAT_VOICE"
    assert (load().voice, load().source(name)) == ("alloy", Source.DEFAULT)
    own(home, f"{name}=ash\n")
    assert (load().voice, load().source(name)) == ("ash", Source.USER_FILE)
    project(f"{name}=coral\n")
    assert (load().voice, load().source(name)) == ("coral", Source.PROJECT_FILE)
    from_environment = load(AUDIOCHAT_VOICE="echo")
    assert (from_environment.voice, from_environment.source(name)) == ("echo", Source.ENVIRONMENT)
    from_flag = load(Flags(voice="sage"), AUDIOCHAT_VOICE="echo")
    assert (from_flag.voice, from_flag.source(name)) == ("sage", Source.FLAG)


def test_each_value_has_a_source_of_its_own(home: Path) -> None:
    """One run can have its endpoint, key and deployment from three places."""
    own(home, f"AZURE_OPENAI_API_KEY={CANARY}\n")
    project("AZURE_OPENAI_DEPLOYMENT_NAME=mine\n")
    settings = load(AZURE_OPENAI_ENDPOINT="https://a.openai.azure.com")
    assert (settings.azure_endpoint, settings.azure_api_key, settings.model) == (
        "https://a.openai.azure.com",
        CANARY,
        "mine",
    )
    assert settings.source("AZURE_OPENAI_ENDPOINT") is Source.ENVIRONMENT
    assert settings.source("AZURE_OPENAI_API_KEY") is Source.USER_FILE
    assert settings.source("AZURE_OPENAI_DEPLOYMENT_NAME") is Source.PROJECT_FILE
    assert settings.source("OPENAI_API_VERSION") is Source.DEFAULT


@pytest.mark.parametrize("empty", ["", "   ", "\t"])
def test_an_empty_value_counts_as_not_set(empty: str) -> None:
    """An empty variable hides nothing that a weaker layer says, and configures nothing."""
    project("AUDIOCHAT_VOICE=coral\nOPENAI_API_KEY=\nAZURE_OPENAI_ENDPOINT=\n")
    settings = load(
        AUDIOCHAT_VOICE=empty, AZURE_OPENAI_ENDPOINT=empty, OPENAI_API_KEY=empty, AZURE_OPENAI_API_KEY=empty
    )
    assert settings.voice == "coral"
    assert settings.provider == "local"
    assert (settings.azure_endpoint, settings.azure_api_key, settings.openai_api_key) == (None, None, None)


def test_spaces_around_a_value_are_none_of_it() -> None:
    """A key that was pasted with a line break is the key without it."""
    assert load(OPENAI_API_KEY=f" {CANARY}\n").openai_api_key == CANARY


def test_a_named_file_replaces_the_one_of_the_working_directory(tmp_path: Path, home: Path) -> None:
    """`--env-file` is read instead of `.env`; the user's own file still stands behind it."""
    project("AUDIOCHAT_VOICE=coral\nAZURE_OPENAI_ENDPOINT=https://stranger.example\n")
    own(home, "OPENAI_BASE_URL=https://own.example/v1\n")
    named = tmp_path / "settings.env"
    named.write_text("AUDIOCHAT_VOICE=verse\n")
    settings = load(Flags(env_file=named))
    assert (settings.voice, settings.source("AUDIOCHAT_VOICE")) == ("verse", Source.NAMED_FILE)
    assert settings.azure_endpoint is None
    assert (settings.openai_base_url, settings.source("OPENAI_BASE_URL")) == (
        "https://own.example/v1",
        Source.USER_FILE,
    )


def test_the_environment_is_stronger_than_a_named_file(tmp_path: Path) -> None:
    """`--env-file` names a file; what is in it is no flag."""
    named = tmp_path / "settings.env"
    named.write_text("AUDIOCHAT_VOICE=verse\n")
    assert load(Flags(env_file=named), AUDIOCHAT_VOICE="echo").voice == "echo"


@pytest.mark.parametrize("spelling", [".env", "./.env", "../work/.env"])
def test_naming_the_file_of_the_working_directory_does_not_make_it_trusted(spelling: str) -> None:
    """`--env-file .env` is what would have been read anyhow, so it is as little the user's own."""
    project("OPENAI_BASE_URL=https://stranger.example\n")
    settings = load(Flags(env_file=Path(spelling)))
    assert settings.source("OPENAI_BASE_URL") is Source.PROJECT_FILE


def test_a_named_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """Unlike the files that are only looked for, a named one has to exist."""
    with pytest.raises(FileError, match=r"nowhere\.env"):
        load(Flags(env_file=tmp_path / "nowhere.env"))
    with pytest.raises(FileError):
        load(Flags(env_file=tmp_path))


def test_a_file_cannot_quote_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`${OTHER}` is not filled in, and that is said: a stranger's file gets hold of no secret that way."""
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    project("OPENAI_BASE_URL=https://stranger.example/${OPENAI_API_KEY}\n")
    with pytest.raises(ConfigurationError, match=r"OPENAI_BASE_URL holds \$\{OPENAI_API_KEY\}"):
        config.load(NO_FLAGS)
    project("AUDIOCHAT_VOICE=$OPENAI_API_KEY\n")
    with pytest.raises(ConfigurationError, match=r"AUDIOCHAT_VOICE holds \$OPENAI_API_KEY"):
        config.load(NO_FLAGS)


def test_a_file_with_a_byte_order_mark_quotes_and_comments_is_read() -> None:
    """What editors on Windows and examples on the web make of a `.env` is understood."""
    path = Path.cwd() / ".env"
    path.write_bytes(
        b"\xef\xbb\xbfexport AUDIOCHAT_VOICE='coral' # mine\r\n\r\nOPENAI_BASE_URL=\"https://h.example/v1\"\r\n"
    )
    settings = load()
    assert (settings.voice, settings.openai_base_url) == ("coral", "https://h.example/v1")


def test_a_folder_called_env_is_no_settings_file() -> None:
    """Some keep a virtual environment in `.env`: it is passed over."""
    (Path.cwd() / ".env").mkdir()
    assert load().provider == "local"


def test_a_file_that_is_no_text_is_a_file_error_that_names_it() -> None:
    """Settings that cannot be read are not silently ignored."""
    path = Path.cwd() / ".env"
    path.write_bytes(b"AUDIOCHAT_VOICE=\xff\xfe\n")
    with pytest.raises(FileError) as raised:
        load()
    assert str(path) in raised.value.message


@pytest.mark.parametrize(
    ("variables", "provider", "model"),
    [
        ({}, "local", None),
        ({"AZURE_OPENAI_ENDPOINT": "https://a.openai.azure.com"}, "azure", "gpt-4o-mini-audio-preview"),
        ({"OPENAI_API_KEY": "k"}, "openai", "gpt-audio-1.5"),
        ({"OPENAI_BASE_URL": "http://localhost:1/v1"}, "openai", "gpt-audio-1.5"),
        ({"AZURE_OPENAI_ENDPOINT": "https://a.openai.azure.com", "OPENAI_API_KEY": "k"}, "azure", None),
        ({"AZURE_OPENAI_API_KEY": "k"}, "local", None),
        ({"AUDIOCHAT_PROVIDER": "openai", "AZURE_OPENAI_ENDPOINT": "https://a.openai.azure.com"}, "openai", None),
        ({"AUDIOCHAT_PROVIDER": "Local", "OPENAI_API_KEY": "k"}, "local", None),
        ({"AUDIOCHAT_PROVIDER": "azure"}, "azure", "gpt-4o-mini-audio-preview"),
    ],
)
def test_the_provider_follows_from_what_is_configured(
    variables: dict[str, str], provider: str, model: str | None
) -> None:
    """Azure with an endpoint, else OpenAI with a key or an address, else local; a choice goes before all that."""
    settings = load(**variables)
    assert settings.provider == provider
    if model is not None:
        assert settings.model == model


def test_the_flag_chooses_the_provider_against_everything() -> None:
    """`--provider` goes before AUDIOCHAT_PROVIDER."""
    settings = load(Flags(provider="openai"), AUDIOCHAT_PROVIDER="local", AZURE_OPENAI_ENDPOINT="https://a.example")
    assert settings.provider == "openai"
    assert settings.source("AUDIOCHAT_PROVIDER") is Source.FLAG


def test_an_unknown_provider_is_refused_with_the_known_ones() -> None:
    """A person is told what there is to choose from."""
    with pytest.raises(ConfigurationError) as raised:
        load(AUDIOCHAT_PROVIDER="bing")
    assert "bing" in raised.value.message
    assert all(name in str(raised.value.hint) for name in ("azure", "openai", "local"))


def test_the_model_has_its_own_names_with_each_provider() -> None:
    """`-m` goes before the variables; Azure has a variable of its own, and the quickstart's default version."""
    azure = {"AZURE_OPENAI_ENDPOINT": "https://a.openai.azure.com"}
    assert load(**azure, AZURE_OPENAI_DEPLOYMENT_NAME="mine").model == "mine"
    assert load(Flags(model="flag"), **azure, AZURE_OPENAI_DEPLOYMENT_NAME="mine").model == "flag"
    assert load(**azure).azure_api_version == "2025-01-01-preview"
    assert load(**azure, OPENAI_API_VERSION="2025-04-01-preview").azure_api_version == "2025-04-01-preview"
    assert load(OPENAI_API_KEY="k", AUDIOCHAT_MODEL="gpt-audio").model == "gpt-audio"


def test_the_local_engine_takes_a_gguf_file_or_a_servers_model() -> None:
    """`-m` names a file, or the model of the text server that is configured; anything else is told at once."""
    assert load(Flags(model="mine.GGUF")).local.llm == "mine.GGUF"
    served = load(Flags(model="llama3"), AUDIOCHAT_LOCAL_LLM="http://127.0.0.1:1/v1").local
    assert (served.llm, served.llm_model) == ("http://127.0.0.1:1/v1", "llama3")
    with pytest.raises(ConfigurationError, match="gpt-audio"):
        load(Flags(model="gpt-audio"))


def test_hosts_are_allowed_by_the_environment_alone(home: Path) -> None:
    """No file can allow a host: it would be the stranger who allows his own."""
    line = "AUDIOCHAT_ALLOW_HOST=stranger.example\n"
    project(line)
    own(home, line)
    assert load().allowed_hosts == frozenset()
    assert load(AUDIOCHAT_ALLOW_HOST="Mine.example, other.example").allowed_hosts == {"mine.example", "other.example"}


def test_the_servers_own_key_comes_from_no_file(home: Path) -> None:
    """A key that came with a repository is known to others: the environment or the option alone has it."""
    project("AUDIOCHAT_SERVE_KEY=in-a-repository\n")
    own(home, "AUDIOCHAT_SERVE_KEY=in-my-own\n")
    assert load().serve_key is None
    assert load(AUDIOCHAT_SERVE_KEY="'mine'").serve_key == "mine"
    assert load(Flags(serve_key="given"), AUDIOCHAT_SERVE_KEY="mine").serve_key == "given"
    with pytest.raises(ConfigurationError, match="placeholder"):
        load(AUDIOCHAT_SERVE_KEY="<your-key>")


def test_custom_headers_have_a_source() -> None:
    """They may be credentials, so it matters who named them."""
    project("OPENAI_CUSTOM_HEADERS=X: y\n")
    assert (load().custom_headers, load().source("OPENAI_CUSTOM_HEADERS")) == ("X: y", Source.PROJECT_FILE)
    assert load(OPENAI_CUSTOM_HEADERS="X: z").source("OPENAI_CUSTOM_HEADERS") is Source.ENVIRONMENT


def test_the_users_own_file_is_where_the_systems_rules_put_it(home: Path) -> None:
    """XDG_CONFIG_HOME names the folder."""
    assert storage.config_folder({"XDG_CONFIG_HOME": "/somewhere"}) == Path("/somewhere/audiochat")
    assert storage.config_folder() == home / "config" / "audiochat"


def test_secrets_are_not_in_the_settings_representation() -> None:
    """Whoever prints the settings by mistake prints no key."""
    settings = load(
        AZURE_OPENAI_ENDPOINT="https://a.openai.azure.com",
        AZURE_OPENAI_API_KEY=f"{CANARY}-1",
        OPENAI_API_KEY=f"{CANARY}-2",
        AUDIOCHAT_LOCAL_LLM_KEY=f"{CANARY}-3",
    )
    assert settings.azure_api_key == f"{CANARY}-1"
    assert settings.openai_api_key == f"{CANARY}-2"
    assert settings.local.llm_key == f"{CANARY}-3"
    assert CANARY not in repr(settings)
    assert CANARY not in str(settings.sources)


@pytest.mark.parametrize(
    "flags",
    [
        Flags(timeout=0),
        Flags(timeout=-1),
        Flags(retries=-1),
        Flags(timeout=float("nan")),
    ],
    ids=["no time", "less than none", "fewer than no retries", "not a number"],
)
def test_a_timeout_wants_seconds_and_retries_a_count(flags: Flags) -> None:
    """Numbers that make no sense are refused before anything else happens."""
    with pytest.raises(UsageError):
        load(flags)
