"""Configurations are filled in completely, and say what the launcher means."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from infra.native.servers import SERVERS, Site
from instastream.media_urls import link_key, origin_key


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(
        folder=tmp_path,
        program=Path("/bin/true"),
        cache=tmp_path / "cache",
        ports={"port": 4711},
        s3="http://127.0.0.1:4712",
        s3_access_key="access",
        s3_secret_key="secret",
        edge_key=bytes(32),
    )


@pytest.mark.parametrize("name", SERVERS)
def test_no_placeholder_is_left_in_a_configuration(name: str, site: Site) -> None:
    site = replace(site, ports=SERVERS[name].free_ports(taken=()))
    SERVERS[name].spec(site)
    for path in (path for path in site.folder.iterdir() if path.is_file()):
        assert "%{" not in path.read_text().replace("%%{", "").replace("# %{...}", ""), path


@pytest.mark.parametrize("name", SERVERS)
def test_a_servers_environment_is_its_own(
    name: str, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Xmx1m")
    site = replace(site, ports=SERVERS[name].free_ports(taken=()))
    env = SERVERS[name].spec(site).env
    assert "JAVA_TOOL_OPTIONS" not in env
    assert ("AWS_SECRET_ACCESS_KEY" in env) == (name == "s3")


def test_keys_are_not_in_the_command_line(site: Site) -> None:
    site = replace(site, ports=SERVERS["s3"].free_ports(taken=()))
    assert not any("secret" in word for word in SERVERS["s3"].spec(site).argv)


@pytest.mark.parametrize(
    ("s3", "lines"),
    [
        ("http://127.0.0.1:4712", ("server 127.0.0.1:4712 ", "proxy_pass http://origin$object;")),
        (
            "https://s3.test",
            ("server s3.test:443 ", "proxy_pass https://origin$object;", "proxy_ssl_verify on;"),
        ),
    ],
)
def test_the_edge_asks_whichever_store_is_used(site: Site, s3: str, lines: tuple[str, ...]) -> None:
    SERVERS["edge"].spec(replace(site, s3=s3))
    config = (site.folder / "nginx.conf").read_text()
    assert all(line in config for line in lines)
    assert "listen 127.0.0.1:4711;" in config


def test_the_edges_keys_are_for_its_user_only(site: Site) -> None:
    config = site.folder / "nginx.conf"
    config.touch(mode=0o644)
    spec = SERVERS["edge"].spec(site)
    assert config.stat().st_mode & 0o777 == 0o600
    for key in (link_key(site.edge_key), origin_key(site.edge_key)):
        assert key in config.read_text()
        assert not any(key in word for word in (*spec.argv, *spec.env.values()))


def test_only_root_has_to_name_the_edges_user(site: Site) -> None:
    SERVERS["edge"].spec(site)
    config = (site.folder / "nginx.conf").read_text().splitlines()
    named = any(line.startswith("user ") for line in config)
    assert named == (os.geteuid() == 0)
