"""The house rules that a machine can check."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from instastream import schemas
from instastream.api.problems import PROBLEMS

ROOT = Path(__file__).parent.parent
SOURCES = sorted(
    path
    for folder in ("src", "streams", "infra", "tests", "bench")
    for path in (ROOT / folder).rglob("*.py")
)
LINES_MAX = 300
NAMED_ELSEWHERE = {"data_received", "handle_data"}  # asyncio's, html.parser's
WORDS_NEVER = {"manager", "helper", "helpers", "utils", "util", "item", "items", "data", "misc"}

names = [str(path.relative_to(ROOT)) for path in SOURCES]


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_a_file_says_what_it_owns_and_fits(path: Path) -> None:
    text = path.read_text()
    if text:
        assert ast.get_docstring(tree(path)), "a file opens with one sentence saying what it owns"
    assert len(text.splitlines()) <= LINES_MAX


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_names_say_what_things_are(path: Path) -> None:
    defined = [
        node.name
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    for name in {path.stem, *defined} - NAMED_ELSEWHERE:
        words = set(name.lower().strip("_").split("_"))
        assert not words & WORDS_NEVER, name


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_whoever_needs_faust_is_in_streams(path: Path) -> None:
    imported = {name.partition(".")[0] for node in ast.walk(tree(path)) for name in _imported(node)}
    if path != ROOT / "streams/worker.py":
        assert "faust" not in imported
    if path.is_relative_to(ROOT / "src"):
        assert "streams" not in imported


def _imported(node: ast.AST) -> list[str]:
    match node:
        case ast.Import():
            return [alias.name for alias in node.names]
        case ast.ImportFrom():
            return [node.module or ""]
        case _:
            return []


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in SOURCES
        if path.is_relative_to(ROOT / "src") or path.parent.name == "streams"
    ],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_what_is_public_is_documented(path: Path) -> None:
    for node in tree(path).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            assert node.name.startswith("_") or ast.get_docstring(node), node.name


def test_the_published_contracts_are_what_the_code_says() -> None:
    assert schemas.outdated(ROOT / "schemas") == []


def test_importing_the_package_starts_nothing() -> None:
    code = "import instastream.cli, sys; sys.exit('faust' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_problem_is_in_the_docs() -> None:
    told = (ROOT / "docs/api.md").read_text()
    for slug, kind in PROBLEMS.items():
        assert f"| {kind.status} | `{slug}` | {kind.title}. {kind.advice} |" in told


@pytest.mark.parametrize("path", [*sorted(ROOT.glob("docs/**/*.md")), ROOT / "README.md"])
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), target
