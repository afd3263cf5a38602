"""Settings as people paste and keep them: addresses, keys, files, other names, no home, other clouds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.command_line import CANARY
from support.service import PCM, completion

from audiochat.audio import wav

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.command_line import CommandLine
    from support.service import Service

DATED = "/openai/deployments/{}/chat/completions?api-version=2025-01-01-preview"
HELLO = completion(audio=wav.wrap(PCM))


# --- Pasted values


@pytest.mark.parametrize(
    ("pasted", "path"),
    [
        ("{}/", DATED.format("gpt-4o-mini-audio-preview")),
        ("{}/openai", DATED.format("gpt-4o-mini-audio-preview")),
        ("{}/OpenAI/V1/", "/openai/v1/chat/completions"),
        ("{}/openai/v1/audio/speech", "/openai/v1/chat/completions"),
        ("{}/openai/deployments/mine", DATED.format("mine")),
        ("{}/openai/deployments/mine/audio/speech?api-version=2025-01-01-preview", DATED.format("mine")),
        ("{}/api/projects/demo", "/openai/v1/chat/completions"),
        ("<{}>", DATED.format("gpt-4o-mini-audio-preview")),
        ("{},", DATED.format("gpt-4o-mini-audio-preview")),
        ("export AZURE_OPENAI_ENDPOINT='{}'", DATED.format("gpt-4o-mini-audio-preview")),
        ("AZURE_OPENAI_ENDPOINT: {}", DATED.format("gpt-4o-mini-audio-preview")),
        ('azure_endpoint="{}",', DATED.format("gpt-4o-mini-audio-preview")),
        ('"{}";', DATED.format("gpt-4o-mini-audio-preview")),
        ("setx AZURE_OPENAI_ENDPOINT={}", DATED.format("gpt-4o-mini-audio-preview")),
    ],
)
def test_an_azure_address_is_taken_as_it_was_pasted(cli: CommandLine, service: Service, pasted: str, path: str) -> None:
    """Portals and examples give more than is wanted."""
    service.answer(HELLO)
    env = {"AZURE_OPENAI_ENDPOINT": pasted.format(service.url), "AZURE_OPENAI_API_KEY": CANARY}
    ran = cli("speak", "Hi", env=env)
    assert ran.code == 0, ran.err
    assert service.last.path == path


@pytest.mark.parametrize("end", ["/v1/", "/v1/audio/transcriptions", "/v1/models", "/v1//chat/completions/"])
def test_a_base_url_is_taken_as_it_was_pasted(cli: CommandLine, service: Service, end: str) -> None:
    """The part before the operation is meant."""
    service.answer(HELLO)
    ran = cli("speak", "Hi", env={"OPENAI_BASE_URL": service.url + end, "OPENAI_API_KEY": CANARY})
    assert ran.code == 0, ran.err
    assert service.last.path == "/v1/chat/completions"


@pytest.mark.parametrize("pasted", ["{}", '"{}",', "'{}';", "KEY 1: {}", "Key1={}", "{};\r"])
def test_a_key_is_taken_as_it_was_pasted(cli: CommandLine, service: Service, pasted: str) -> None:
    """With its name before it, and a programming language's marks behind it."""
    service.answer(HELLO)
    env = {"AZURE_OPENAI_ENDPOINT": service.url, "AZURE_OPENAI_API_KEY": pasted.format(CANARY)}
    ran = cli("speak", "Hi", env=env)
    assert ran.code == 0, ran.err
    assert service.last.headers["api-key"] == CANARY


@pytest.mark.parametrize(
    "line",
    [
        'setx {} "{}"',
        'setx {} "{}" /M',
        "set {}={}",
        '$env:{} = "{}"',
        "$Env:{}='{}' # mine",
        '[Environment]::SetEnvironmentVariable("{}", "{}", "User")',
        "set -gx {} {}",
        'declare -x {}="{}"',
        "ENV {}={}",
        "{}: {}",
        '  "{}": "{}",',
        "- {}={}",
    ],
)
def test_a_line_of_another_shell_is_read_from_dotenv(cli: CommandLine, service: Service, line: str) -> None:
    """Quickstarts show them; left out, another provider would answer."""
    service.answer(HELLO)
    values = {"AZURE_OPENAI_ENDPOINT": service.url, "AZURE_OPENAI_API_KEY": CANARY}
    Path(".env").write_text("".join(line.format(*setting) + "\n" for setting in values.items()))
    ran = cli("speak", "Hi")
    assert ran.code == 0, ran.err
    assert service.last.headers["api-key"] == CANARY
    assert "no setting" not in ran.err


def test_a_line_that_is_no_setting_is_none(cli: CommandLine, service: Service) -> None:
    """Words and brackets are left out, with a note."""
    service.answer(HELLO)
    Path(".env").write_text(f"{{\nmy settings\n  SEE README\nOPENAI_BASE_URL={service.url}/v1\n}}\n")
    ran = cli("speak", "Hi")
    assert ran.code == 0, ran.err
    assert "line 2 is no setting" in ran.err


ADDRESSES_OF_DOCUMENTS = (
    "https://<your-endpoint>.openai.azure.com",
    "https://NAME.openai.azure.com/openai/v1",
    "https://NAME.services.ai.azure.com/api/projects/PROJECT",
    "https://me.openai.azure.com/openai/deployments/DEPLOYMENT/chat/completions?api-version=2025-01-01-preview",
    "https://NAME.azure-api.net/PATH",
    "https://docs-test-001.openai.azure.com/",
    "https://aoai-docs.openai.azure.com/",
    "https://aoairesource.openai.azure.com",
    "https://{your-resource-name}.openai.azure.com",
    "REPLACE_WITH_YOUR_ENDPOINT_HERE",
    "your-endpoint",
    "ENDPOINT",
)
"""As Azure's pages, README.md, .env.example and docs/ write them."""

KEYS_OF_DOCUMENTS = (
    *("sk-YOUR-KEY", "KEY", "KEY1", "sk-KEY", "YOUR-SUBSCRIPTION-KEY", "REPLACE_WITH_YOUR_KEY_VALUE_HERE"),
    *("<your-api-key>", "sk-proj-xxxxxxxx", "your_api_key_here", "sk-your-openai-api-key-here"),
)
NAMES_OF_DOCUMENTS = ("DEPLOYMENT", "MODEL", "YOUR-DEPLOYMENT", "YourDeploymentName", "YOUR_DEPLOYMENT_NAME", "<model>")


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"AZURE_OPENAI_ENDPOINT": "https://<your-resource>.openai.azure.com"}, "placeholder"),
        ({"AZURE_OPENAI_ENDPOINT": "https://YOUR-RESOURCE-NAME.openai.azure.com/"}, "placeholder"),
        ({"AZURE_OPENAI_ENDPOINT": "my-resource"}, "https://my-resource.openai.azure.com"),
        ({"AZURE_OPENAI_ENDPOINT": "https://portal.azure.com/#home"}, "endpoint"),
        ({"AZURE_OPENAI_ENDPOINT": "https://me.openai.azure.com/openai/x y"}, "https://me.openai.azure.com"),
        ({"OPENAI_BASE_URL": "https://me.openai.azure.com/", "OPENAI_API_KEY": CANARY}, "AZURE_OPENAI_ENDPOINT"),
        ({"AZURE_OPENAI_ENDPOINT": "https://api.openai.com/v1"}, "OPENAI_API_KEY"),
        ({"AZURE_OPENAI_ENDPOINT": "endpoint=https://me.openai.azure.com/;key=0123"}, "https://me.openai.azure.com"),
        ({"AZURE_OPENAI_ENDPOINT": "https://me.openai.azure.com", "OPENAI_API_VERSION": "preview"}, "/openai/v1"),
        ({"AZURE_OPENAI_ENDPOINT": "https://me.openai.azure.com", "OPENAI_API_VERSION": "v1"}, "v1 API"),
        ({"OPENAI_API_KEY": "sk-..."}, "placeholder"),
        ({"OPENAI_API_KEY": "YOUR_API_KEY"}, "placeholder"),
        ({"OPENAI_API_KEY": f"Bearer {CANARY}"}, "alone"),
        ({"AZURE_OPENAI_ENDPOINT": "https://me.openai.azure.com", "AZURE_OPENAI_API_KEY": "xxxxxxxx"}, "placeholder"),
        ({"OPENAI_API_KEY": CANARY, "AUDIOCHAT_MODEL": "<model>"}, "placeholder"),
        *(({"AZURE_OPENAI_ENDPOINT": address}, "holds a placeholder") for address in ADDRESSES_OF_DOCUMENTS),
        *(({"OPENAI_API_KEY": key}, "holds a placeholder") for key in KEYS_OF_DOCUMENTS),
        *(({"OPENAI_API_KEY": CANARY, "AUDIOCHAT_MODEL": name}, "holds a placeholder") for name in NAMES_OF_DOCUMENTS),
        ({"AUDIOCHAT_PROVIDER": "local", "AUDIOCHAT_LOCAL_LLM_MODEL": "MODEL"}, "holds a placeholder"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_it_is_sent(cli: CommandLine, env: Mapping[str, str], told: str) -> None:
    """With the value, if it is none that may be secret, and with what to do."""
    ran = cli("speak", "Hi", "--retries", "0", env=env)
    assert ran.code == 3
    assert told in ran.err


def test_a_placeholder_as_an_option_is_refused_in_the_options_words(cli: CommandLine) -> None:
    """A model that was never filled in, before anything is sent."""
    ran = cli("speak", "Hi", "-m", "YOUR-DEPLOYMENT", env={"OPENAI_API_KEY": CANARY})
    assert ran.code == 3
    assert "The model is a placeholder, YOUR-DEPLOYMENT (the command line)." in ran.err


def test_a_host_that_is_not_found_points_to_the_doctor(cli: CommandLine) -> None:
    """Wrong name or nothing listening: the doctor looks at every step."""
    for address in ("https://nowhere.invalid/v1", "http://127.0.0.1:9/v1"):
        ran = cli("speak", "Hi", "--retries", "0", env={"OPENAI_BASE_URL": address})
        assert ran.code == 5
        assert "audiochat doctor" in ran.err


@pytest.mark.parametrize("quotes", ["''", '""', "“”", "``"])
def test_one_pair_of_quotes_is_taken_off(cli: CommandLine, service: Service, quotes: str) -> None:
    """As docker's env files and word processors leave them."""
    service.answer(HELLO)
    first, last = quotes[0], quotes[1]
    env = {"OPENAI_BASE_URL": f"{first}{service.url}/v1{last}", "OPENAI_API_KEY": f" {first}{CANARY}{last}\n"}
    assert cli("speak", "Hi", env=env).code == 0
    assert service.last.headers["authorization"] == f"Bearer {CANARY}"


# --- Settings that were ignored in silence


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_a_file_of_settings_in_another_encoding_is_read_or_refused(
    cli: CommandLine, service: Service, encoding: str
) -> None:
    """PowerShell writes UTF-16; without its mark it is refused, never skipped: another provider would answer."""
    service.answer(HELLO)
    Path(".env").write_bytes(f"OPENAI_BASE_URL={service.url}/v1\n".encode(encoding))
    ran = cli("speak", "Hi", env={"AUDIOCHAT_PROVIDER": "openai"})
    assert ran.code == (6 if encoding in ("utf-16-le", "utf-16-be") else 0)
    assert ".env" in ran.err or service.requests


@pytest.mark.parametrize("value", ["${HOST_OF_MINE}", "$OPENAI_URL", "$(EndpointOfPipeline)", "%OPENAI_URL%"])
def test_a_variable_that_nobody_fills_in_is_refused(cli: CommandLine, value: str) -> None:
    """By the name of the setting and of the variable; it is not sent."""
    Path(".env").write_text(f"OPENAI_API_KEY={value}\n", encoding="utf-8")
    ran = cli("speak", "Hi")
    assert ran.code == 3
    assert "OPENAI_API_KEY holds" in ran.err
    assert value in ran.err


def test_the_sign_ins_variables_are_read_from_a_file(cli: CommandLine, service: Service, az: Path) -> None:
    """A tenant beside the endpoint is told to the Azure CLI."""
    service.answer(HELLO)
    tenant = "11111111-2222-3333-4444-555555555555"
    Path(".env").write_text(f"AZURE_OPENAI_ENDPOINT={service.url}\nAZURE_TENANT_ID={tenant}\n", encoding="utf-8")
    ran = cli("speak", "Hi")
    assert ran.code == 0, ran.err
    assert tenant in (az / "asked").read_text()


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"AUDIOCHAT_PROVIDER": "openai", "OPENAI_KEY": CANARY}, "OPENAI_KEY is not read; OPENAI_API_KEY is."),
        ({"AUDIOCHAT_PROVIDER": "azure", "AZURE_ENDPOINT": "https://a.b"}, "AZURE_ENDPOINT is not read"),
        ({"AUDIOCHAT_PROVIDER": "openai", "OPENAI_API_KEYS": CANARY}, "OPENAI_API_KEY is."),
    ],
)
def test_a_setting_that_is_missing_names_the_one_that_was_meant(
    cli: CommandLine, env: Mapping[str, str], told: str
) -> None:
    """Other tools' names, and misspelled ones."""
    ran = cli("speak", "Hi", env=env)
    assert ran.code == 3
    assert told in ran.err


def test_a_key_without_an_endpoint_is_told_before_the_engine_answers(cli: CommandLine) -> None:
    """The local engine would answer, and nobody would know why."""
    ran = cli("speak", "Hi", env={"AZURE_OPENAI_API_KEY": CANARY, "AUDIOCHAT_LOCAL_LLM": "missing.gguf"})
    assert "AZURE_OPENAI_API_KEY is set, but AZURE_OPENAI_ENDPOINT is not" in ran.err


# --- No home folder


@pytest.mark.skipif(shutil.which("setpriv") is None or sys.platform == "win32", reason="wants setpriv")
@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["analyze", "dog.wav", "-o", "-"], 0, ""),
        (["doctor", "--all"], 0, "no home folder"),
        (["converse", "-t", "Hi", "--session", "evening"], 6, "--no-save"),
        (["sessions", "list"], 6, "HOME"),
    ],
)
def test_a_user_without_a_home_is_served(
    service: Service, tmp_path: Path, arguments: list[str], code: int, told: str
) -> None:
    """A container's user: everything works that needs none, and what does says so."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    work = Path("/tmp") / f"audiochat-nobody-{os.getpid()}"  # noqa: S108 - where every user may go; made here
    become = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
    try:
        work.mkdir(mode=0o777)
        work.chmod(0o777)
        (work / "dog.wav").write_bytes(wav.wrap(PCM))
        if subprocess.run([*become, sys.executable, "-c", "import audiochat"], check=False, cwd=work).returncode:
            pytest.skip("other users cannot run this Python")
        service.answer(HELLO)
        env = {"PATH": os.environ["PATH"], "OPENAI_BASE_URL": f"{service.url}/v1", "OPENAI_API_KEY": CANARY}
        done = subprocess.run(
            [*become, sys.executable, "-m", "audiochat", *arguments],
            cwd=work, env=env, capture_output=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        shutil.rmtree(work, ignore_errors=True)
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert done.returncode == code, said
    assert told in said
    assert "Traceback" not in said
    assert tmp_path.is_dir()


# --- Other clouds


@pytest.mark.parametrize(
    ("host", "scope"),
    [
        ("r.openai.azure.us", "https://cognitiveservices.azure.us"),
        ("r.openai.azure.cn", "https://cognitiveservices.azure.cn"),
        ("r.cognitiveservices.azure.cn", "https://cognitiveservices.azure.cn"),
        ("r.services.ai.azure.com/api/projects/p", "https://ai.azure.com"),
        ("r.openai.azure.com/openai/v1", "https://ai.azure.com"),
        ("r.openai.azure.com", "https://cognitiveservices.azure.com"),
    ],
)
def test_each_cloud_has_an_audience_of_its_own(cli: CommandLine, az: Path, host: str, scope: str) -> None:
    """What the Azure CLI is asked for; the host itself is out of reach here."""
    env = {"AZURE_OPENAI_ENDPOINT": f"https://{host}", "HTTPS_PROXY": "http://127.0.0.1:9"}
    assert cli("speak", "Hi", "--retries", "0", env=env).code == 5
    assert scope in (az / "asked").read_text()


@pytest.mark.parametrize(
    "host",
    ["eastus.api.cognitive.microsoft.com", "usgovarizona.api.cognitive.microsoft.us", "x.api.cognitive.azure.cn"],
)
def test_a_regional_endpoint_takes_keys_alone(cli: CommandLine, az: Path, host: str) -> None:
    """The sign-in is not even asked."""
    ran = cli("speak", "Hi", env={"AZURE_OPENAI_ENDPOINT": f"https://{host}"})
    assert ran.code == 3
    assert "AZURE_OPENAI_API_KEY" in ran.err
    assert not (az / "asked").exists()


@pytest.mark.parametrize("host", ["r.openai.azure.us.example.com", "azure.cn", "openai-azure.cn", "r.openai.azure.de"])
def test_what_only_looks_like_a_cloud_gets_no_token(cli: CommandLine, az: Path, host: str) -> None:
    """Exit 3, and the sign-in is not asked."""
    assert cli("speak", "Hi", env={"AZURE_OPENAI_ENDPOINT": f"https://{host}"}).code == 3
    assert not (az / "asked").exists()


def test_a_folder_of_settings_is_called_one(cli: CommandLine, tmp_path: Path) -> None:
    """It is there, and it is no file."""
    ran = cli("speak", "hi", "--env-file", str(tmp_path))
    assert ran.code == 6
    assert "is a folder" in ran.err
