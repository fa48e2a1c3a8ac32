"""Configurations are filled in completely, and say what the launcher means."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import certifi
import pytest

from infra.native.machine import program
from infra.native.servers import JVM_SERVERS, SERVERS, Site
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


@pytest.mark.parametrize("name", JVM_SERVERS)
def test_no_configuration_depends_on_what_the_folder_is_called(
    name: str, site: Site, tmp_path: Path
) -> None:
    ports = SERVERS[name].free_ports(taken=())
    told = []
    for called in ("plain", 'ž, "quoted" \\ ' + "long" * 40):
        folder = tmp_path / called
        folder.mkdir()
        SERVERS[name].spec(replace(site, ports=ports, folder=folder))
        told.append({path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()})
    assert told[0] == told[1]


def test_the_object_store_is_told_of_folders_and_sockets_beneath_its_own(site: Site) -> None:
    site = replace(site, ports=SERVERS["s3"].free_ports(taken=()))
    spec = SERVERS["s3"].spec(site)
    assert spec.cwd == site.folder
    paths = [word.partition("=")[2] for word in spec.argv if "dir=" in word or "Socket=" in word]
    assert len(paths) == 3
    assert not any(Path(path).is_absolute() for path in paths)


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


def test_the_edge_finds_certificates_wherever_they_lie(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates = tmp_path / "a 'quoted' back\\slash, ž" / "cacert.pem"
    certificates.parent.mkdir()
    certificates.write_bytes(Path(certifi.where()).read_bytes())
    monkeypatch.setattr(certifi, "where", lambda: str(certificates))
    (site.folder / "tmp").mkdir()
    edge = replace(site, s3="https://127.0.0.1:4712", program=program("edge", {}))
    argv = SERVERS["edge"].spec(edge).argv
    tested = subprocess.run([*argv, "-t"], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr


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
