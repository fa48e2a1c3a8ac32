"""What runs on this machine is reached directly, whatever proxy the environment names."""

from collections.abc import MutableMapping

HOSTS = ("127.0.0.1", "localhost")


def reach_directly(environ: MutableMapping[str, str]) -> None:
    """No proxy for loopback, for libraries that look there: some in one name, some in the other."""
    for name in ("NO_PROXY", "no_proxy"):
        spared = [host for host in environ.get(name, "").split(",") if host]
        if spared != ["*"]:  # all: among others it would be none
            environ[name] = ",".join([*spared, *(host for host in HOSTS if host not in spared)])
