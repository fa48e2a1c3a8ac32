"""compose.kafka.yml runs the same servers, on the same configuration."""

import re
import subprocess
from pathlib import Path

import yaml

from infra.native.servers import SERVERS
from instastream.limits import PRIVATE_CACHE_S
from instastream.media_urls import link_key, origin_key
from tests import containers

ROOT = Path(__file__).parents[3]
PROPERTIES = ROOT / "infra/kafka/server.properties"
COMPOSE = yaml.safe_load((ROOT / "compose.kafka.yml").read_text())


def test_it_runs_what_the_launcher_runs_on_loopback_only() -> None:
    assert set(COMPOSE["services"]) == set(SERVERS) == set(containers.SERVERS)
    for service in COMPOSE["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert "healthcheck" in service


def test_its_addresses_are_those_that_the_environment_file_names() -> None:
    environ = containers.environ()
    for name, service in COMPOSE["services"].items():
        [port] = service["ports"]
        assert port.rpartition(":")[0] in environ[f"INSTASTREAM_{name.upper()}"]
    s3 = COMPOSE["services"]["s3"]["environment"]
    assert {name: environ[name] for name in s3} == s3


def test_the_log_is_on_a_volume_and_outlives_its_container() -> None:
    kafka = COMPOSE["services"]["kafka"]
    assert kafka["volumes"] == [f"kafka:{kafka['environment']['KAFKA_LOG_DIRS']}"]


def test_no_kafka_forgets_how_far_a_worker_came_that_is_away_for_years() -> None:
    native = dict(re.findall(r"(?m)^([\w.]+)=(.*)$", PROPERTIES.read_text()))
    minutes = int(native["offsets.retention.minutes"])
    assert minutes >= 5 * 365 * 24 * 60
    kafka = COMPOSE["services"]["kafka"]["environment"]
    assert kafka["KAFKA_OFFSETS_RETENTION_MINUTES"] == minutes


def test_its_edge_fills_in_the_same_template(tmp_path: Path) -> None:
    script = COMPOSE["services"]["edge"]["command"][-1]
    [expressions] = re.findall(r"sed (.*?)\s+/edge/nginx.conf.template", script, re.DOTALL)
    template = ROOT / "infra/nginx/nginx.conf"
    edge_key = bytes.fromhex(containers.environ()["INSTASTREAM_EDGE_KEY"])
    keys = {"LINK_KEY": link_key(edge_key), "ORIGIN_KEY": origin_key(edge_key)}
    assert COMPOSE["services"]["edge"]["environment"] == keys
    filled = subprocess.run(
        ["/bin/sh", "-c", f"sed {expressions.replace('$$', '$')} {template}"],
        env=keys,
        capture_output=True,
        text=True,
        check=True,
    )
    directives = [line for line in filled.stdout.splitlines() if not line.strip().startswith("#")]
    assert not [line for line in directives if "%{" in line]
    assert "  listen 8080;" in filled.stdout
    assert "server s3:8333" in filled.stdout
    assert filled.stdout.count(keys["LINK_KEY"]) == 2
    assert f"set $referer {keys['ORIGIN_KEY']};" in filled.stdout
    assert f"private, max-age={PRIVATE_CACHE_S}" in filled.stdout
