"""The front as a whole: versions, headers, errors, what is refused, and one host alone."""

from __future__ import annotations

import pytest

from swarmkit import Conflict, Invalid, Message, Unavailable, Verb
from swarmkit.engine.names import name_in_use

from .scripted import Scripted, container, node, reply, serving


def one_host(**answers: object) -> Scripted:
    """Return a service that is one host itself, with answers by `METHOD /path`."""
    return Scripted(nodes=[node("box", member="")], answers={("", request): each for request, each in answers.items()})


@pytest.mark.parametrize(
    ("target", "status", "message"),
    [
        ("/v1.99/info", 400, "client version 1.99 is too new. Maximum supported API version is 1.41"),
        (
            "/v1.2/info",
            400,
            "client version 1.2 is too old. Minimum supported API version is 1.24, "
            "please upgrade your client to a newer version",
        ),
        (
            "/v1/info",
            400,
            "client version 1 is too old. Minimum supported API version is 1.24, "
            "please upgrade your client to a newer version",
        ),
        ("/v1.99/nosuch", 404, "page not found"),
        ("/nosuch", 404, "page not found"),
        ("/v1.41", 404, "page not found"),
        ("/vx/info", 404, "page not found"),
        ("/", 404, "page not found"),
        ("/containers/%2e%2e/json", 403, "a path must not go up: /containers/%2e%2e/json"),
    ],
)
async def test_paths_and_versions_are_refused_in_the_engine_s_words(target: str, status: int, message: str) -> None:
    """A version that is not offered is 400, and what is no path of the API is 404."""
    async with serving(Scripted()) as client:
        answer = await client("GET", target)
        assert (answer.status, answer.message) == (status, message)
        assert answer.headers.get("Content-Type") == "application/json"


async def test_a_wrong_method_is_a_page_that_is_not_found() -> None:
    """An engine tells a method that a path has not as if there were no such path."""
    async with serving(Scripted()) as client:
        answer = await client("PUT", "/containers/json")
        assert (answer.status, answer.message) == (404, "page not found")


@pytest.mark.parametrize("target", ["/_ping", "/v1.24/_ping", "/v1.41/_ping"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_every_version_that_is_offered_is_served(method: str, target: str) -> None:
    """A path may have any version from the oldest to the one offered, or none."""
    async with serving(Scripted()) as client:
        answer = await client(method, target)
        assert (answer.status, answer.data) == (200, b"OK" if method == "GET" else b"")


async def test_the_version_offered_is_the_lowest_of_the_hosts_and_stays() -> None:
    """What was decided at first is offered for ever, whatever the hosts become."""
    hosts = Scripted(nodes=[node("a", ApiVersion="1.47"), node("b", ApiVersion="1.43")])
    async with serving(hosts) as client:
        assert (await client("HEAD", "/_ping")).headers.get("Api-Version") == "1.43"
        hosts.nodes = [node("a", ApiVersion="1.30")]
        assert (await client("HEAD", "/_ping")).headers.get("Api-Version") == "1.43"


async def test_a_version_is_offered_where_no_host_was_ever_reached(autojump_clock: object) -> None:
    """Hosts that are still being reached are waited for no longer than two seconds."""
    async with serving(Scripted(nodes=[node("a", State="connecting", ApiVersion="")])) as client:
        assert (await client("GET", "/_ping")).headers.get("Api-Version") == "1.41"


async def test_the_version_can_be_chosen() -> None:
    """With `--api` that version is offered, and a newer one refused."""
    async with serving(Scripted(), api="1.30") as client:
        assert (await client("GET", "/_ping")).headers.get("Api-Version") == "1.30"
        assert (await client("GET", "/v1.31/_ping")).status == 400


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("HEAD", "/_ping"),
        ("GET", "/nosuch"),
        ("GET", "/networks"),
        ("GET", "/containers/web/json"),
        ("GET", "/containers/web/top"),
        ("HEAD", "/containers/web/archive"),
        ("GET", "/containers/gone/json"),
    ],
)
async def test_every_answer_has_the_one_version(method: str, target: str) -> None:
    """Relayed answers and errors too name the version offered, not that of the host that answered."""
    theirs = reply(200, {}, headers={"Api-Version": "1.99", "Ostype": "windows", "Server": "Docker/99"})
    hosts = Scripted(
        containers=[container("a", "web")],
        answers={
            ("a", f"{way} /containers/web{path}"): theirs for way in ("GET", "HEAD") for path in ("/top", "/archive")
        }
        | {("a", "GET /containers/web/json"): {"Id": "x"}},
    )
    async with serving(hosts) as client:
        answer = await client(method, target)
        shown = {name: answer.headers.get(name) for name in ("Api-Version", "Ostype", "Server", "Docker-Experimental")}
        assert shown == {
            "Api-Version": "1.41",
            "Ostype": "linux",
            "Server": "swarmd/7 (linux)",
            "Docker-Experimental": "false",
        }


@pytest.mark.parametrize(
    ("method", "target", "sent"),
    [
        ("GET", "/v1.41/networks?filters=%7B%7D", "GET /networks?filters=%7B%7D"),
        ("GET", "/version", "GET /version"),
        ("GET", "/images/json?all=1", "GET /images/json?all=1"),
        ("POST", "/containers/create?name=x&new=1", "POST /containers/create?name=x&new=1"),
        ("GET", "/of/tomorrow?x=%2F", "GET /of/tomorrow?x=%2F"),
        ("GET", "/images/a%2Fb/json", "GET /images/a%2Fb/json"),
        ("PUT", "/containers/json", "PUT /containers/json"),
    ],
)
async def test_one_host_alone_is_asked_for_everything(method: str, target: str, sent: str) -> None:
    """Where there is one host only, what it can do is its own, known to us or not, and its answer goes through."""
    path = sent.partition("?")[0]
    hosts = one_host(**{path: reply(299, b"theirs", headers={"X-Theirs": "1"})})
    async with serving(hosts) as client:
        answer = await client(method, target, headers=[("X-Ours", "2")])
        assert (answer.status, answer.data, answer.headers.get("X-Theirs")) == (299, b"theirs", "1")
        assert hosts.requests() == [sent]
        assert ["X-Ours", "2"] in hosts.last(Verb.CONNECT)["headers"]


async def test_the_version_of_a_path_goes_on_to_the_host() -> None:
    """A host is asked in the version that the client asked for, which it may have to adjust."""
    hosts = Scripted(containers=[container("a", "web")], answers={("a", "GET /containers/web/top"): {}})
    async with serving(hosts) as client:
        await client("GET", "/v1.30/containers/web/top")
        assert hosts.last(Verb.CONNECT)["version"] == "1.30"


async def test_an_engine_s_error_goes_through_unchanged() -> None:
    """Status and body are the engine's own."""
    body = b'{"message":"its own words","more":1}\n'
    hosts = Scripted(
        containers=[container("a", "web")], answers={("a", "POST /containers/web/start"): reply(418, body)}
    )
    async with serving(hosts) as client:
        answer = await client("POST", "/containers/web/start")
        assert (answer.status, answer.data) == (418, body)


async def test_an_error_that_carries_an_engine_s_body_shows_it() -> None:
    """An error that a verb raised keeps the engine's status and body, too."""
    error = Invalid("x", status=422, body=b'{"message":"engine"}')
    async with serving(Scripted(answers={("spawn", "POST /containers/create"): error})) as client:
        answer = await client("POST", "/containers/create", {"Image": "x"})
        assert (answer.status, answer.data) == (422, b'{"message":"engine"}')


async def test_a_name_in_use_is_told_in_the_engine_s_words_with_the_host() -> None:
    """The conflict of a name reads as an engine's, and says where."""
    error = Conflict("in use", name_in_use="web", id="abc", host="b")
    async with serving(Scripted(answers={("spawn", "POST /containers/create"): error})) as client:
        answer = await client("POST", "/containers/create?name=web", {"Image": "x"})
        assert (answer.status, answer.message) == (409, name_in_use("web", "abc", "b"))
        assert 'already in use by container "abc" on host b. You have to' in answer.message


async def test_a_host_that_is_down_is_named() -> None:
    """The refusal says which host, and why."""
    down = Unavailable("host a is down: no connection")
    hosts = Scripted(containers=[container("a", "web")], answers={("a", "GET /containers/web/top"): down})
    async with serving(hosts) as client:
        answer = await client("GET", "/containers/web/top")
        assert (answer.status, answer.message) == (503, "host a is down: no connection")


async def test_a_fault_of_ours_is_a_500_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """What was not foreseen is told in Docker's format, and the log has the trace."""

    async def fail(message: Message) -> Message:
        raise ZeroDivisionError("of all things")

    async with serving(Scripted(answers={("spawn", "POST /containers/create"): fail})) as client:
        answer = await client("POST", "/containers/create", {"Image": "x"})
        assert (answer.status, answer.message) == (500, "swarmd failed; its log says why")
    assert "of all things" in caplog.text
