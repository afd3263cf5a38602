"""Nobody is let in: what a page elsewhere can make a browser send is refused before anything reads it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette", reason="the extra web is not installed")

from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route
from support.web import Server, serving

from audiochat.errors import UsageError
from audiochat.web.bodies import read_body, read_json
from audiochat.web.keys import KeyRequired
from audiochat.web.rules import Rules
from audiochat.web.server import make_router
from audiochat.web.tokens import CookieRequired, PageTokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.responses import Response

KEY = "a-key-of-the-servers-owner"
LIMIT = 100_000
METHODS = ["GET", "POST", "OPTIONS", "DELETE", "HEAD", "PUT"]

reached: list[str] = []
"""Every request that got past the guard."""


async def echo(request: Request) -> Response:
    """Answer that a request came through."""
    reached.append(request.method)
    return PlainTextResponse("hello")


async def take_json(request: Request) -> Response:
    """Answer with the JSON that came."""
    return JSONResponse(dict(await read_json(request, LIMIT)))


async def take_bytes(request: Request) -> Response:
    """Answer with how much came."""
    return JSONResponse(len(await read_body(request, LIMIT)))


TOKENS = PageTokens(1234)


def routes(key: str | None = None) -> list[Route | Mount]:
    """What the server of these tests has."""
    api = [
        Route("/v1/echo", echo, methods=METHODS),
        Route("/v1/json", take_json, methods=["POST"]),
        Route("/v1/bytes", take_bytes, methods=["POST"]),
        Route("/openai/echo", echo),
    ]
    page = make_router([Route("/echo", echo)])
    return [
        Route("/health", echo),
        Mount("/page", app=CookieRequired(page, TOKENS)),
        Mount("/", app=KeyRequired(make_router(api), key)),
    ]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server for this machine alone, without a key."""
    with serving(routes()) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_reached() -> None:
    """Nothing has come through yet."""
    reached.clear()


# --- the Host header


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}", "[::1]:{port}"])
def test_its_own_names_are_answered(server: Server, host: str) -> None:
    """Each name of loopback, with the port."""
    got = server.raw("GET /health HTTP/1.1", f"Host: {host.format(port=server.port)}", "Connection: close")
    assert (got.status, got.body) == (200, b"hello")


@pytest.mark.parametrize("path", ["/health", "/v1/echo", "/page/echo", "/nothing"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("host", ["rebound.example:{port}", "rebound.example"])
def test_rebinding_is_refused_on_every_route_and_method(server: Server, method: str, path: str, host: str) -> None:
    """A page whose name was pointed to this machine sends its own name, and no Origin with a GET."""
    got = server.raw(f"{method} {path} HTTP/1.1", f"Host: {host.format(port=server.port)}", "Connection: close")
    assert got.status == 403
    assert reached == []
    if method != "HEAD":
        assert got.error["code"] == "host_not_allowed"


@pytest.mark.parametrize(
    "host",
    [
        "",
        " ",
        "127.0.0.1",
        "localhost",
        "localhost:1",
        "localhost:{port}1",
        "localhost:0{port}",
        "localhost.:{port}",
        "localhost.evil:{port}",
        "evil.localhost:{port}",
        "localhost.evil",
        "localhost:{port}@evil",
        "evil@localhost:{port}",
        "localhost:{port}.evil",
        "localhost:{port}, evil",
        "127.0.0.1.nip.io:{port}",
        "127.1:{port}",
        "0x7f000001:{port}",
        "2130706433:{port}",
        "0.0.0.0:{port}",
        "[::ffff:127.0.0.1]:{port}",
        "\xe4:{port}",
    ],
)
def test_a_name_that_is_not_exactly_ours_is_refused(server: Server, host: str) -> None:
    """Empty, another port, a longer name, another spelling of the address."""
    got = server.raw("GET /health HTTP/1.1", f"Host: {host.format(port=server.port)}", "Connection: close")
    assert got.status in (400, 403)
    assert reached == []


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("hosts", [[], ["localhost:{port}", "evil"], ["evil", "localhost:{port}"]])
def test_no_host_and_two_hosts_are_refused(server: Server, version: str, hosts: list[str]) -> None:
    """Whichever stands first; also for HTTP 1.0, which may leave it out."""
    lines = [f"Host: {host.format(port=server.port)}" for host in hosts]
    got = server.raw(f"GET /health HTTP/{version}", *lines, "Connection: close")
    assert got.status in (400, 403)
    assert reached == []


def test_an_absolute_address_does_not_get_past_the_host_header(server: Server) -> None:
    """What a proxy would be sent."""
    got = server.raw(f"GET http://localhost:{server.port}/health HTTP/1.1", "Host: evil", "Connection: close")
    assert got.status in (400, 403)
    assert reached == []


def test_more_names_can_be_allowed() -> None:
    """With a port, or for any; exactly these."""
    with serving(routes(), allow_hosts=["chat.lan:80", "Box.lan", "[fd00::1]:9000"]) as server:

        def status(host: str) -> int:
            return server.raw("GET /health HTTP/1.1", f"Host: {host}", "Connection: close").status

        assert [status(host) for host in ("chat.lan", "box.lan", "box.lan:1234", "[fd00::1]:9000")] == [200] * 4
        refused = ("chat.lan:81", "www.box.lan", "box.lan.evil", "[fd00::1]:9001", "[fd00::2]:9000")
        assert [status(host) for host in refused] == [403] * 5


def test_on_all_addresses_the_one_that_was_asked_is_answered() -> None:
    """The address at which the connection came in is ours, whatever interfaces there are; no other is."""
    with serving(routes(), host="0.0.0.0") as server:

        def status(host: str, origin: str | None = None) -> int:
            lines = [f"Host: {host}", *([] if origin is None else [f"Origin: {origin}"]), "Connection: close"]
            return server.raw("GET /health HTTP/1.1", *lines, connect_to="127.0.0.2").status

        assert status(f"127.0.0.2:{server.port}") == 200
        assert status(f"127.0.0.2:{server.port}", f"http://127.0.0.2:{server.port}") == 200
        assert status(f"127.0.0.3:{server.port}") == 403
        assert status("127.0.0.2:1") == 403
        assert status(f"127.0.0.2:{server.port}", f"http://127.0.0.3:{server.port}") == 403


# --- Origin and Sec-Fetch-Site


def from_origin(server: Server, *origins: str, method: str = "POST", host: str | None = None) -> int:
    """The status of a request that a page of this origin sends."""
    lines = [f"Origin: {origin}" for origin in origins]
    host = host or f"localhost:{server.port}"
    return server.raw(f"{method} /v1/echo HTTP/1.1", f"Host: {host}", *lines, "Connection: close").status


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://localhost:1",
        "http://localhost",
        "https://localhost:{port}",
        "http://localhost:{port}.evil",
        "http://localhost.evil:{port}",
        "http://localhost:{port}/",
        "null",
        "",
        "file://",
        "chrome-extension://abcdefgh",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_page_elsewhere_may_not_ask(server: Server, method: str, origin: str) -> None:
    """Another site, another port of this machine, a sandboxed page: each sends its origin."""
    assert from_origin(server, origin.format(port=server.port), method=method) == 403
    assert reached == []


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
def test_our_own_page_may_ask(server: Server, name: str) -> None:
    """Its origin is ours, by whichever name it was opened."""
    assert from_origin(server, f"http://{name}:{server.port}") == 200


def test_two_origins_are_none_of_ours(server: Server) -> None:
    """Also where both are."""
    own = f"http://localhost:{server.port}"
    assert from_origin(server, own, own) == 403
    assert from_origin(server, own, "https://evil.example") == 403


def test_host_and_origin_that_agree_prove_nothing(server: Server) -> None:
    """A rebound name is the same in both."""
    host = f"rebound.example:{server.port}"
    assert from_origin(server, f"http://{host}", host=host) == 403
    assert reached == []


def test_what_a_page_elsewhere_leads_here_is_refused(server: Server) -> None:
    """An image, a link or a form of another site has no Origin in many browsers, but it says cross-site."""
    for site, status in {"cross-site": 403, "same-origin": 200, "none": 200}.items():
        assert server.ask("GET", "/v1/echo", headers={"Sec-Fetch-Site": site}).status == status


def test_a_websocket_of_a_page_elsewhere_is_refused(server: Server) -> None:
    """CORS does not hold for websockets; the Origin header does."""
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAA")
    own = f"Host: localhost:{server.port}"
    assert server.raw("GET /v1/echo HTTP/1.1", own, "Origin: https://evil.example", *upgrade).status == 403
    assert reached == []


# --- CORS


def test_cors_is_off(server: Server) -> None:
    """Nothing says that a page elsewhere may read."""
    got = server.ask("GET", "/v1/echo", headers={"Origin": f"http://localhost:{server.port}"})
    assert got.status == 200
    assert not [name for name in got.headers if name.startswith("access-control")]


ALLOWED = "https://chat.example"


def test_an_allowed_origin_may_ask_and_read() -> None:
    """Exactly that one, with the key, without credentials; the preflight comes without a key."""
    with serving(routes(KEY), allow_origins=[ALLOWED]) as server:
        asked = {"Origin": ALLOWED, "Sec-Fetch-Site": "cross-site"}
        preflight = {
            **asked,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os",
            "Access-Control-Request-Private-Network": "true",
        }
        got = server.ask("OPTIONS", "/v1/json", headers=preflight)
        assert got.status == 204
        assert got.headers["access-control-allow-origin"] == ALLOWED
        assert got.headers["access-control-allow-headers"] == "authorization,content-type,x-stainless-os"
        assert got.headers["access-control-allow-private-network"] == "true"
        assert "POST" in got.headers["access-control-allow-methods"]
        assert "access-control-allow-credentials" not in got.headers
        assert server.ask("POST", "/v1/json", {"a": 1}, asked).status == 401
        got = server.ask("POST", "/v1/json", {"a": 1}, {**asked, "Authorization": f"Bearer {KEY}"})
        assert (got.status, got.json) == (200, {"a": 1})
        assert (got.headers["access-control-allow-origin"], got.headers["vary"]) == (ALLOWED, "Origin")
        for other in ("http://chat.example", "https://chat.example:444", "https://chat.example.evil", "null"):
            got = server.ask("OPTIONS", "/v1/json", headers={**preflight, "Origin": other})
            assert got.status == 403
            assert "access-control-allow-origin" not in got.headers


@pytest.mark.parametrize("origin", ["*", "chat.example", "ftp://chat.example", "https://a b", "https://x/y", "null"])
def test_an_origin_is_scheme_name_and_port(origin: str) -> None:
    """No stars, no paths."""
    with pytest.raises(UsageError, match="no origin"):
        Rules.of("127.0.0.1", 1, allow_origins=[origin])


@pytest.mark.parametrize("host", ["*", "http://chat.lan", "a b", "a/b", "chat.lan:x", "", "*.lan", "a:1:2:3:z"])
def test_a_host_is_a_name_and_perhaps_a_port(host: str) -> None:
    """No stars, no addresses."""
    with pytest.raises(UsageError, match="no host"):
        Rules.of("127.0.0.1", 1, allow_hosts=[host])


# --- keys


@pytest.fixture(scope="module")
def locked() -> Iterator[Server]:
    """A server with a key."""
    with serving(routes(KEY)) as running:
        yield running


@pytest.mark.parametrize(
    "headers", [{"Authorization": f"Bearer {KEY}"}, {"authorization": f"bearer {KEY}"}, {"api-key": KEY}]
)
def test_the_key_opens_the_api(locked: Server, headers: dict[str, str]) -> None:
    """As OpenAI's clients send it, and as Azure's do."""
    assert locked.ask("GET", "/v1/echo", headers=headers).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": f"Bearer {KEY[:-1]}"},
        {"Authorization": KEY},
        {"Authorization": f"Basic {KEY}"},
        {"api-key": ""},
        {"api-key": KEY.upper()},
        {"api-key": "\xe4"},
        {"Cookie": f"key={KEY}"},
    ],
)
def test_without_the_key_nothing_is_answered(locked: Server, headers: dict[str, str]) -> None:
    """401 in the service's shape: OpenAI's words, and Azure's on Azure's paths."""
    got = locked.ask("GET", "/v1/echo", headers=headers)
    assert (got.status, got.error["code"]) == (401, "invalid_api_key")
    got = locked.ask("GET", "/openai/echo", headers=headers)
    assert (got.status, got.error["code"]) == (401, "401")
    assert got.error["message"].startswith("Access denied due to invalid subscription key or wrong API endpoint.")
    assert reached == []


def test_whether_it_lives_may_be_asked_without_the_key(locked: Server) -> None:
    """What watches over services has none."""
    assert locked.ask("GET", "/health").status == 200


# --- the page's cookie


def test_a_token_works_once_and_the_cookie_opens_the_page_alone(locked: Server) -> None:
    """The cookie is for no script, no other site and no other port; and for the API it is nothing."""
    token = TOKENS.issue()
    assert len(token) >= 22  # 128 bits
    assert TOKENS.exchange(token[:-1]) is None
    assert TOKENS.exchange("") is None
    given = TOKENS.exchange(token)
    assert given is not None
    assert TOKENS.exchange(token) is None
    cookie, *attributes = given.split("; ")
    assert cookie.startswith("audiochat-1234=")
    assert set(attributes) == {"Path=/", "HttpOnly", "SameSite=Strict"}
    assert token not in cookie
    assert locked.ask("GET", "/page/echo", headers={"Cookie": f"other=1; {cookie}"}).status == 200
    assert locked.ask("GET", "/v1/echo", headers={"Cookie": cookie}).status == 401
    for wrong in ("", "audiochat-1234=", f"audiochat-1234={token}", cookie.replace("1234", "1235"), f"{cookie}x"):
        got = locked.ask("GET", "/page/echo", headers={"Cookie": wrong} if wrong else {})
        assert (got.status, got.error["code"]) == (401, "not_signed_in")
    assert locked.ask("GET", "/page/echo", headers={"Authorization": f"Bearer {KEY}"}).status == 401


def test_tokens_and_cookies_are_bounded() -> None:
    """The oldest make room: nothing grows in a server that lives for months."""
    tokens = PageTokens(1)
    many = [tokens.issue() for _ in range(100)]
    assert tokens.exchange(many[0]) is None
    cookies = []
    for _ in range(100):
        cookie = tokens.exchange(tokens.issue())
        assert cookie is not None
        cookies.append(cookie.partition(";")[0])
    admitted = [tokens.admits({"headers": [(b"cookie", cookie.encode())]}) for cookie in cookies]
    assert admitted[-1]
    assert 0 < sum(admitted) < 100


# --- bodies


@pytest.mark.parametrize(
    "type_", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json"]
)
def test_json_says_that_it_is(server: Server, type_: str) -> None:
    """What a form of a page elsewhere can send without asking is refused."""
    got = server.ask("POST", "/v1/json", b"{}", {"Content-Type": type_})
    assert (got.status, got.error["code"]) == (415, "unsupported_content_type")


@pytest.mark.parametrize("type_", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_is_read(server: Server, type_: str) -> None:
    """With a charset or without."""
    assert server.ask("POST", "/v1/json", b'{"a": [1]}', {"Content-Type": type_}).json == {"a": [1]}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 50_000, b'{"a":' * 10_000])
def test_what_is_no_json_object_is_refused(server: Server, body: bytes) -> None:
    """However deep it is."""
    got = server.ask("POST", "/v1/json", body, {"Content-Type": "application/json"})
    assert (got.status, got.error["code"]) == (400, "invalid_json")


def test_a_body_that_is_too_long_is_refused_unread(server: Server) -> None:
    """It is refused by its announced length: nothing of it was sent."""
    lines = ("POST /v1/bytes HTTP/1.1", f"Host: localhost:{server.port}", "Connection: close")
    got = server.raw(*lines, f"Content-Length: {LIMIT + 1}")
    assert (got.status, got.error["code"]) == (413, "content_too_large")
    assert server.ask("POST", "/v1/bytes", bytes(LIMIT)).json == LIMIT


def test_a_body_that_announces_nothing_is_counted(server: Server) -> None:
    """In chunks, it is refused where it gets too long."""
    lines = ("POST /v1/bytes HTTP/1.1", f"Host: localhost:{server.port}", "Transfer-Encoding: chunked")
    chunk = b"8000\r\n" + bytes(0x8000) + b"\r\n"
    assert server.raw(*lines, body=chunk * 2 + b"0\r\n\r\n").json == 0x10000
    got = server.raw(*lines, body=chunk * 4)
    assert got.status == 413


def test_a_body_that_does_not_come_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its client fell asleep."""
    monkeypatch.setattr("audiochat.web.bodies._PATIENCE", 0.05)
    lines = ("POST /v1/bytes HTTP/1.1", f"Host: localhost:{server.port}", "Content-Length: 10")
    got = server.raw(*lines, body=b"12345")
    assert (got.status, got.error["code"]) == (408, "request_timeout")


# --- what is sent back


def test_every_response_has_the_headers_that_protect(server: Server) -> None:
    """Answers and refusals alike, and none says what software this is."""
    for got in (server.ask("GET", "/health"), server.ask("GET", "/x"), server.raw("GET / HTTP/1.1", "Host: evil")):
        assert got.headers["x-content-type-options"] == "nosniff"
        assert got.headers["referrer-policy"] == "no-referrer"
        assert got.headers["cross-origin-resource-policy"] == "same-origin"
        assert got.headers["cross-origin-opener-policy"] == "same-origin"
        assert "default-src 'none'" in got.headers["content-security-policy"]
        assert "server" not in got.headers


@pytest.mark.parametrize("path", ["/v1/echo/", "//v1//echo", "/v1/echo///"])
def test_slashes_do_not_matter(server: Server, path: str) -> None:
    """Answered where it is asked: a POST would not follow a redirect."""
    assert server.ask("POST", path).body == b"hello"


def test_another_method_is_told_which(server: Server) -> None:
    """405, in the service's shape, with the Allow header."""
    got = server.ask("GET", "/v1/json")
    assert (got.status, got.headers["allow"], got.error["code"]) == (405, "POST", "method_not_supported")


def test_the_security_page_names_tests_that_there_are() -> None:
    """Each threat has a test; a test that was renamed is renamed there."""
    tests = Path(__file__).parents[1]
    page = (tests.parent / "docs" / "security.md").read_text(encoding="utf-8")
    written = "".join(path.read_text(encoding="utf-8") for path in tests.rglob("test_*.py"))
    named = set(re.findall(r"\btest_\w+(?=`)", page))
    assert len(named) > 20
    assert not [name for name in named if f"def {name}(" not in written]
