"""Ports are free, out of the way of outgoing connections, or said to be taken."""

import socket
from pathlib import Path

import pytest

from infra.native import ports
from instastream.errors import Unready


def test_free_ports_are_different_and_below_those_of_outgoing_connections() -> None:
    found = ports.free_ports(20, taken=())
    assert len(set(found)) == 20
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert max(found) < lowest
    assert all(map(ports.is_free, found))


def test_a_port_that_another_server_was_given_is_not_given_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing listens there yet, so that the kernel would call it free."""
    monkeypatch.setattr(ports, "is_free", lambda port: True)
    left, double = [ports.PORTS[0], ports.PORTS[7]], ports.PORTS_WITH_GRPC[3]
    assert sorted(ports.free_ports(2, set(ports.PORTS) - set(left))) == left
    assert ports.free_port_with_grpc(set(ports.PORTS_WITH_GRPC) - {double}) == double


def test_a_port_with_grpc_leaves_its_double_free_too() -> None:
    port = ports.free_port_with_grpc(taken=())
    assert ports.is_free(port)
    assert ports.is_free(port + ports.GRPC_OFFSET)


def test_a_taken_port_is_said_in_one_sentence() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(
            Unready, match=f"port {port} of redis is taken .*INSTASTREAM_REDIS_PORT"
        ):
            ports.check_free("redis", port)
    ports.check_free("redis", port)


def test_a_configured_port_is_read() -> None:
    assert ports.configured("kafka", {"INSTASTREAM_KAFKA_PORT": "9092"}) == 9092
    assert ports.configured("kafka", {}) is None
    for text in ("0", "65536", "-1", "kafka"):
        with pytest.raises(Unready, match="INSTASTREAM_KAFKA_PORT must be a number"):
            ports.configured("kafka", {"INSTASTREAM_KAFKA_PORT": text})
