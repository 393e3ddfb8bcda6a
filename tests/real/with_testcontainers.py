"""A program that uses testcontainers, and prints what it sees; see test_testcontainers."""

from __future__ import annotations

from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

SERVER = "mkdir -p /www && echo hello > /www/index.html && echo ready && exec httpd -f -p 80 -h /www"


def main() -> None:
    """Start a server and its client in a network of their own; wait for a line of the log; leave nothing."""
    with Network() as network:
        server = DockerContainer("busybox").with_command(["sh", "-c", SERVER]).with_exposed_ports(80)
        server.with_network(network).with_network_aliases("server").waiting_for(LogMessageWaitStrategy("ready"))
        client = DockerContainer("busybox").with_command("sleep 1000").with_network(network)
        with server, client:
            print("log:", server.get_logs()[0])
            print("exec:", client.exec(["wget", "-q", "-O", "-", "http://server/"]))
            print("fails:", client.exec(["sh", "-c", "exit 7"]).exit_code)
            print("port:", server.get_exposed_port(80) > 1024)
    print("left:", server.get_docker_client().client.containers.list(all=True))
    print("networks:", [row.name for row in server.get_docker_client().client.networks.list(names=[network.name])])


main()
