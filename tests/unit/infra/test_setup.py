"""What is fetched for .venv is checked against committed hashes, the installer too."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.containers import ROOT

NOTES = """#!/bin/sh
echo "$(basename "$0") $*" >> installed
"""
MAKES_VENV = f"""#!/bin/sh
[ "$1" = -m ] || exit 0
mkdir -p .venv/bin
cat > .venv/bin/pip <<'END'
{NOTES}END
cp .venv/bin/pip .venv/bin/uv
chmod +x .venv/bin/*
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As far as the setup needs one."""
    (tmp_path / "infra").mkdir()
    for name in ("infra/setup", "infra/uv.lock", "requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "python").write_text(MAKES_VENV)
    for name in ("infra/setup", "python"):
        (tmp_path / name).chmod(0o755)
    return tmp_path


def test_nothing_is_installed_without_its_hash_but_the_checkout_itself(checkout: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "PYTHON": str(checkout / "python")}
    subprocess.run([checkout / "infra/setup"], env=environ, check=True, capture_output=True)
    *fetched, own = (checkout / "installed").read_text().splitlines()
    assert [line.split()[0] for line in fetched] == ["pip", "uv"]
    assert all("--require-hashes" in line for line in fetched)
    assert own.endswith("--no-deps --no-build-isolation --editable .")
