"""The docker command's store is read as that command reads it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backends.contexts.store import Context, Store, id_of, open_store
from swarmkit import Invalid
from swarmkit.rows import Missing

from .commands import DockerConfig, certificates

STANDARD = "unix:///var/run/docker.sock"


def store_of(config: DockerConfig, **environment: str) -> Store:
    """Open the store of a folder."""
    return open_store({"DOCKER_CONFIG": str(config.folder), **environment})


def stages(config: DockerConfig, **environment: str) -> dict[str, str]:
    """Return the stages of the contexts by name."""
    store = store_of(config, **environment)
    contexts = [store.default(), *store.read().contexts.values()]
    return {context.name: context.stage() for context in contexts}


def test_contexts_are_those_of_the_docker_command(config: DockerConfig) -> None:
    """Names and addresses are the ones that `docker context ls` shows, the default one included."""
    config.create("local", "host=unix:///tmp/engine.sock")
    config.create("web+1", "host=ssh://ops@web-1:2222")
    config.create("far", "host=tcp://192.0.2.1:2375")
    assert {name: f"docker {address}" for name, address in config.listed().items()} == stages(config)


@pytest.mark.parametrize("address", ["unix:///tmp/x.sock", "tcp://192.0.2.1:2375", "ssh://ops@web-1"])
def test_the_default_context_is_the_environments(config: DockerConfig, address: str) -> None:
    """Where DOCKER_HOST is set, the docker command shows it as the default context."""
    shown = config.listed(DOCKER_HOST=address)["default"]
    assert stages(config, DOCKER_HOST=address) == {"default": f"docker {shown}"} == {"default": f"docker {address}"}


def test_the_default_context_has_tls_where_the_environment_says_so(config: DockerConfig) -> None:
    """DOCKER_TLS_VERIFY means TLS for TCP, with the files that the stage finds by itself, and nothing for a socket."""
    tls = {"DOCKER_TLS_VERIFY": "1"}
    assert stages(config, DOCKER_HOST="tcp://h:2376", **tls) == {"default": "docker tcp://h:2376 --tlsverify"}
    assert stages(config, **tls) == {"default": f"docker {STANDARD}"}


def test_tls_material_is_found_where_the_docker_command_puts_it(config: DockerConfig, tmp_path: Path) -> None:
    """CA, certificate and key are the files of the store, not those that they were copied from."""
    files = certificates(tmp_path, "h")
    words = ",".join(f"{part}={path}" for part, path in files.items())
    config.create("all", f"host=tcp://h:2376,{words}")
    config.create("some", f"host=tcp://h:2376,ca={files['ca']}")
    config.create("skips", "host=tcp://h:2376,skip-tls-verify=true")
    (verify, *found) = next(each.words for each in store_of(config).read().contexts.values() if each.name == "all")
    assert (verify, found[::2]) == ("--tlsverify", ["--cacert", "--cert", "--key"])
    assert [Path(path).read_text() for path in found[1::2]] == [path.read_text() for path in files.values()]
    shown = stages(config)
    folder = config.folder / "contexts" / "tls" / id_of("some") / "docker"
    assert shown["some"] == f"docker tcp://h:2376 --tlsverify --cacert {folder}/ca.pem"
    assert shown["skips"] == "docker tcp://h:2376 --tls"


def test_plain_tcp_is_meant_only_where_that_is_said(config: DockerConfig) -> None:
    """`--insecure` is added to TCP without TLS, and to nothing else."""
    tcp, socket = Context("a", "tcp://h:1"), Context("b", "unix:///a b")
    tls = Context("c", "tcp://h:1", ("--tlsverify",))
    assert [each.stage(insecure=True) for each in (tcp, socket, tls)] == [
        "docker tcp://h:1 --insecure",
        "docker 'unix:///a b'",
        "docker tcp://h:1 --tlsverify",
    ]


@pytest.mark.parametrize(
    ("document", "member", "reason"),
    [
        ("{", None, "is not JSON: "),
        ("[]", None, "has no name of a context in it"),
        ({"Name": 3}, None, "has no name of a context in it"),
        ('"' + "[" * 100000, None, "is not JSON: "),
        ("[" * 100000, None, "is not JSON: "),
        ({"Name": "odd", "Endpoints": {"kubernetes": {"Host": "https://k"}}}, "odd", "has no docker endpoint"),
        ({"Name": "odd"}, "odd", "has no docker endpoint"),
        ({"Name": "default", "Endpoints": {"docker": {}}}, "default", "that of the environment's context"),
    ],
)
def test_a_context_that_cannot_be_used_hides_no_other(
    config: DockerConfig, document: object, member: str | None, reason: str
) -> None:
    """It is named, or by the beginning of its id where its name is not known, with the reason; the others are there."""
    config.create("good", "host=unix:///tmp/engine.sock")
    config.write("odd", document)
    contents = store_of(config).read()
    assert [context.name for context in contents.contexts.values()] == ["good"]
    (gap,) = contents.broken.values()
    assert gap == Missing(member or id_of("odd")[:12], gap.reason)
    assert reason in gap.reason


def test_what_is_no_folder_of_a_context_is_named(config: DockerConfig) -> None:
    """A stray folder, or a file, among the contexts is what cannot be read."""
    config.write("odd", {})
    config.meta("odd").unlink()
    (gap,) = store_of(config).read().broken.values()
    assert gap.reason == f"{config.meta('odd')} cannot be read: No such file or directory"


def test_a_store_that_cannot_be_listed_is_an_error(config: DockerConfig) -> None:
    """A folder that is none is told with its path."""
    (config.folder / "contexts").mkdir()
    (config.folder / "contexts" / "meta").write_text("")
    with pytest.raises(Invalid, match=rf"in {config.folder}/contexts/meta cannot be listed: Not a directory"):
        store_of(config).read()


def test_an_endpoint_without_a_host_is_the_standard_socket(config: DockerConfig) -> None:
    """As the docker command has it."""
    config.write("bare", {"Name": "bare", "Endpoints": {"docker": {"SkipTLSVerify": False}}})
    assert config.listed()["bare"] in ("", STANDARD)
    assert stages(config)["bare"] == f"docker {STANDARD}"


def test_the_folder_is_found_as_the_docker_command_finds_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`$DOCKER_CONFIG`, else `.docker` in the home directory; with neither contexts nor folder there is the default."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_store({}).folder == tmp_path / ".docker"
    assert open_store({"DOCKER_CONFIG": "/x"}).folder == Path("/x")
    assert (open_store({}).read().contexts, open_store({}).look()) == ({}, ())


def test_a_look_is_another_after_each_change(config: DockerConfig) -> None:
    """Making, changing and removing a context are seen, and looking changes nothing."""
    store = store_of(config)
    looks = [store.look()]
    config.create("one", "host=unix:///tmp/engine.sock")
    looks.append(store.look())
    config.run("context", "update", "one", "--docker", "host=unix:///tmp/another.sock")
    looks.append(store.look())
    config.create("two", "host=unix:///tmp/engine.sock")
    looks.append(store.look())
    config.remove("one")
    looks.append(store.look())
    assert len({json.dumps(look) for look in looks}) == 5
    assert looks[-1] == store.look()
