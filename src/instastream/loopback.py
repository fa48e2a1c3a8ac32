"""What runs on this machine is reached directly, whatever proxy the environment names."""

from collections.abc import MutableMapping

HOSTS = ("127.0.0.1", "localhost")


def reach_directly(environ: MutableMapping[str, str]) -> None:
    """No proxy for loopback, nor for what is spared already, whichever name a library looks at."""
    given = environ.get("no_proxy") or environ.get("NO_PROXY", "")
    spared = [host for host in given.split(",") if host]
    if spared != ["*"]:  # all: among others it would be none
        spared += [host for host in HOSTS if host not in spared]
    environ["no_proxy"] = environ["NO_PROXY"] = ",".join(spared)
