"""Where requests may go, and what may go with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from audiochat.config import Settings, Source
from audiochat.errors import ConfigurationError
from audiochat.transport import addresses, endpoint
from audiochat.transport.endpoint import AZURE_HOSTS, OPENAI_HOSTS, Credential

if TYPE_CHECKING:
    from collections.abc import Collection

VARIABLE = "AZURE_OPENAI_ENDPOINT"


def settings(source: Source = Source.ENVIRONMENT, *, allowed: Collection[str] = ()) -> Settings:
    """Settings whose endpoint comes from `source`."""
    return Settings(
        provider="azure",
        model="m",
        voice="alloy",
        timeout=1,
        retries=0,
        allowed_hosts=frozenset(allowed),
        sources={VARIABLE: source},
    )


def allowed(
    url: str,
    *,
    source: Source = Source.ENVIRONMENT,
    key_from: Source = Source.ENVIRONMENT,
    token: bool = False,
    hosts: Collection[str] = (),
    vendor: Collection[str] = AZURE_HOSTS,
) -> bool:
    """Whether the credential may go there."""
    try:
        endpoint.check(
            addresses.parse(url, variable=VARIABLE),
            Credential("the key", key_from, token=token),
            settings=settings(source, allowed=hosts),
            variable=VARIABLE,
            vendor_hosts=vendor,
        )
    except ConfigurationError as refusal:
        return (refusal.exit_code, refusal.code) != (3, "credential_withheld")
    return True


# --- parsing


@pytest.mark.parametrize(
    ("text", "url", "host", "secure", "path"),
    [
        ("https://a.openai.azure.com", "https://a.openai.azure.com", "a.openai.azure.com", True, ""),
        ("https://A.OpenAI.Azure.com/", "https://a.openai.azure.com", "a.openai.azure.com", True, ""),
        ("a.openai.azure.com", "https://a.openai.azure.com", "a.openai.azure.com", True, ""),
        ("https://a.example/v1?api-version=1", "https://a.example/v1", "a.example", True, "/v1"),
        ("HTTPS://a.example//v1//chat/completions", "https://a.example/v1", "a.example", True, "/v1"),
        (" https://a.example/openai/v1/ ", "https://a.example/openai/v1", "a.example", True, "/openai/v1"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1", "127.0.0.1", False, "/v1"),
        ("http://[::1]:11434/v1", "http://[::1]:11434/v1", "::1", False, "/v1"),
        ("https://host_1.example:443", "https://host_1.example:443", "host_1.example", True, ""),
    ],
)
def test_plain_addresses_are_understood(text: str, url: str, host: str, path: str, *, secure: bool) -> None:
    """Scheme, host, port and path; spaces around it and a slash at its end do not matter."""
    parsed = addresses.parse(text, variable=VARIABLE)
    assert (parsed.url, parsed.host, parsed.secure, parsed.path) == (url, host, secure, path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://",
        "https:///v1",
        "https:a.example",
        "//a.example",
        "ftp://a.example",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "httpss://a.example",
        "https://user@a.example",
        "https://user:secret@a.example",
        "https://a.example@evil.example",
        "https://a.openai.azure.com\\@evil.example",
        "https://evil.example\\.openai.azure.com",
        "https://evil.example/\\a.openai.azure.com",
        "https://a.example?x=1",
        "https://evil.example?.openai.azure.com",
        "https://a.example#part",
        "https://evil.example#.openai.azure.com",
        "https://a. example",
        "https://a.example/v 1",
        "https://a.example/\tv1",
        "https://a.example\nHost: evil",
        "https://a.example/\x00",
        "https://a\x7f.example",
        "https://a.example:99999",
        "https://a.example:65536",
        "https://a.example:-1",
        "https://a.example:",
        "https://a.example:80:80",
        "https://a.example:８０",  # noqa: RUF001 - a digit that is none of ASCII
        "https://ａ.example",  # noqa: RUF001 - a letter that becomes another one on the way
        "https://evil.example／.openai.azure.com",  # noqa: RUF001 - and a slash
        "https://%61.example",
        "https://[::1",
        "https://::1",
        "https://[::1]evil.example",
        "https://[fe80::1%25eth0]",
        "https://a.example/{model}",
        "https://a.example/${OPENAI_API_KEY}",
    ],
)
def test_anything_ambiguous_is_refused(text: str) -> None:
    """User, query, fragment, backslash, space, control character, odd port, other scheme: all of them deceive."""
    with pytest.raises(ConfigurationError, match=VARIABLE):
        addresses.parse(text, variable=VARIABLE)


@pytest.mark.parametrize("text", ["http://127.0.0.1:65535/v1", "http://127.0.0.1:65000/v1"])
def test_every_port_is_a_port(text: str) -> None:
    """Ports go up to 65535; systems give the highest ones to servers that do not ask for one."""
    assert addresses.parse(text, variable=VARIABLE).url == text


@pytest.mark.parametrize("text", ["http://[:::::]", "http://[1.2.3.4]/v1", "https://[1]", "https://[...]"])
def test_a_malformed_ipv6_address_is_refused(text: str) -> None:
    """What stands in brackets and is no address is a setting to correct, not a bug to report."""
    with pytest.raises(ConfigurationError):
        addresses.parse(text, variable=VARIABLE)


@pytest.mark.parametrize("text", ["http://999.1.1.1", "http://127.0.0.01/v1", "http://256.0.0.1"])
def test_a_malformed_ipv4_address_is_refused(text: str) -> None:
    """Four numbers that are no address are told here; the HTTP library would raise an error of its own."""
    with pytest.raises(ConfigurationError):
        addresses.parse(text, variable=VARIABLE)


PIECES = st.sampled_from(
    [
        *(
            "http://",
            "https://",
            "HTTP://",
            "https:/",
            "//",
            "/",
            "\\",
            "@",
            ":",
            "::1",
            "[",
            "]",
            "[::1]",
            ".",
            "..",
            "-",
        ),
        *(
            "?",
            "#",
            "%",
            "%2f",
            "%40",
            " ",
            "\t",
            "\n",
            "\0",
            "a",
            "A",
            "evil.example",
            "openai.azure.com",
            "localhost",
        ),
        *("127.0.0.1", "127.1", "0x7f.1", "1", "80", "99999", "é", "ß", "xn--", "v1", "user", "_", "~", "｡", "①"),
    ]
)


@given(st.lists(PIECES, max_size=9).map("".join) | st.lists(PIECES, max_size=6).map(lambda p: "https://" + "".join(p)))
@example("https://a.openai.azure.com\\@evil.example")
@example("https://A.EXAMPLE:80/v1")
@example("https://[::FFFF:127.0.0.1]:1/")
def test_what_is_accepted_is_understood_alike_by_the_http_library(text: str) -> None:
    """Any text that `parse` takes has the same host, scheme and port in the library that opens the connection."""
    try:
        parsed = addresses.parse(text, variable=VARIABLE)
    except ConfigurationError:
        return
    opened = httpx2.URL(parsed.url)
    assert opened.raw_host.decode("ascii").lower() == parsed.host
    assert (opened.scheme == "https") == parsed.secure
    assert not opened.userinfo
    assert not opened.query
    assert not opened.fragment


# --- hosts


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST", "[::1]", "[0:0:0:0:0:0:0:1]", "127.255.255.254"]
)
def test_this_machine_is_loopback(host: str) -> None:
    """Names and numbers that mean this machine by themselves."""
    assert addresses.parse(f"http://{host}:1234/v1", variable=VARIABLE).loopback


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1.evil.com",
        "localhost.evil.com",
        "evil-localhost",
        "notlocalhost",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0.0.0.0",
        "128.0.0.1",
        "[::2]",
        "10.0.0.1",
        "localhost.",
    ],
)
def test_what_only_looks_like_this_machine_is_not_loopback(host: str) -> None:
    """Nothing is looked up and no number is stretched: what is not plainly loopback is elsewhere, or refused."""
    try:
        parsed = addresses.parse(f"http://{host}", variable=VARIABLE)
    except ConfigurationError:
        return
    assert not parsed.loopback


@pytest.mark.parametrize(
    ("host", "vendor"),
    [
        ("a.openai.azure.com", AZURE_HOSTS),
        ("A.OpenAI.Azure.COM", AZURE_HOSTS),
        ("a.cognitiveservices.azure.com", AZURE_HOSTS),
        ("a.services.ai.azure.com", AZURE_HOSTS),
        ("a.openai.azure.us", AZURE_HOSTS),
        ("api.openai.com", OPENAI_HOSTS),
        ("eu.api.openai.com", OPENAI_HOSTS),
    ],
)
def test_vendors_own_hosts_are_known(host: str, vendor: Collection[str]) -> None:
    """Resources of Azure, of its US Government cloud, and OpenAI's regions."""
    assert addresses.parse(f"https://{host}", variable=VARIABLE).within(vendor)


@pytest.mark.parametrize(
    "host",
    [
        "openai.azure.com.evil.com",
        "evilopenai.azure.com",
        "a.openai.azure.com.evil.com",
        "api.openai.com.evil.com",
        "evilapi.openai.com",
        "api-openai.com",
        "openai.com",
        "evil.openai.com",
        "azure.com",
        "a.azure-api.net",
        "a.openai.azure.com.",
        "aopenai.azure.com",
    ],
)
def test_look_alikes_are_not_the_vendors(host: str) -> None:
    """A vendor's name at the front or in the middle of a host's name means nothing."""
    parsed = addresses.parse(f"https://{host}", variable=VARIABLE)
    assert not parsed.within(AZURE_HOSTS)
    assert not parsed.within(OPENAI_HOSTS)


# --- the rules

FILES = (Source.PROJECT_FILE, Source.NAMED_FILE, Source.USER_FILE)
SOURCES = (Source.FLAG, Source.ENVIRONMENT, *FILES, Source.DEFAULT)


TABLE = [(source, key_from, token) for source in SOURCES for key_from in SOURCES for token in (False, True)]
"""Who named the endpoint, who gave the credential, and whether that is a token: every case there is."""


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_loopback_may_have_every_credential(scheme: str) -> None:
    """This machine is trusted, encrypted or not, whoever named it."""
    for source, key_from, token in TABLE:
        assert allowed(f"{scheme}://127.0.0.1:8080/v1", source=source, key_from=key_from, token=token)


def test_the_vendor_may_have_every_credential_over_https() -> None:
    """Azure's own hosts get keys and tokens, whoever named them."""
    for source, key_from, token in TABLE:
        assert allowed("https://a.openai.azure.com", source=source, key_from=key_from, token=token)


@pytest.mark.parametrize("host", ["a.openai.azure.com", "proxy.example"])
def test_no_credential_goes_over_plain_http(host: str) -> None:
    """Not even to the vendor, not even a stranger's own key."""
    for source, key_from, token in TABLE:
        assert not allowed(f"http://{host}", source=source, key_from=key_from, token=token)


def test_a_token_goes_to_azure_alone() -> None:
    """A gateway of one's own does not get an Entra token, whoever named it."""
    for source, key_from, _ in TABLE:
        assert not allowed("https://gateway.example", source=source, key_from=key_from, token=True)


def test_a_key_goes_elsewhere_unless_the_working_directory_said_so() -> None:
    """A key follows the user's own endpoint anywhere, and a stranger's endpoint only if it is the stranger's key."""
    for source, key_from, _ in TABLE:
        strangers_idea = source is Source.PROJECT_FILE and key_from is not Source.PROJECT_FILE
        assert allowed("https://gateway.example", source=source, key_from=key_from) is not strangers_idea


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_allowed_host_is_an_exception_from_all_rules(scheme: str) -> None:
    """AUDIOCHAT_ALLOW_HOST overrules, for the host that it names and no other."""
    for source, key_from, token in TABLE:
        url, hosts = f"{scheme}://gateway.example:8443/v1", ["gateway.example"]
        assert allowed(url, source=source, key_from=key_from, token=token, hosts=hosts)
        url = "http://sub.gateway.example"
        assert not allowed(url, source=source, key_from=key_from, token=token, hosts=hosts)


def test_another_vendors_host_is_any_host() -> None:
    """OpenAI's host is none of Azure's: a key for Azure that a stranger's file sends there is withheld."""
    assert not allowed("https://api.openai.com", source=Source.PROJECT_FILE)
    assert allowed("https://api.openai.com", source=Source.PROJECT_FILE, vendor=OPENAI_HOSTS)


def test_a_refusal_says_what_would_go_where_and_how_to_allow_it() -> None:
    """The message names the setting, both sources and the host; the hint is the exact exception to set."""
    with pytest.raises(ConfigurationError) as raised:
        endpoint.check(
            addresses.parse("https://gateway.example", variable=VARIABLE),
            Credential("AZURE_OPENAI_API_KEY", Source.ENVIRONMENT),
            settings=settings(Source.PROJECT_FILE),
            variable=VARIABLE,
            vendor_hosts=AZURE_HOSTS,
        )
    for word in (VARIABLE, "AZURE_OPENAI_API_KEY", "gateway.example", ".env", "environment"):
        assert word in raised.value.message
    assert "AUDIOCHAT_ALLOW_HOST=gateway.example" in str(raised.value.hint)


def test_custom_headers_are_credentials() -> None:
    """OPENAI_CUSTOM_HEADERS may hold a key, so it is checked like one."""
    assert endpoint.header_credentials(settings()) == ()
    with_headers = Settings(provider="openai", model=None, voice="alloy", timeout=1, retries=0, custom_headers="X: y")
    assert [one.name for one in endpoint.header_credentials(with_headers)] == ["OPENAI_CUSTOM_HEADERS"]
