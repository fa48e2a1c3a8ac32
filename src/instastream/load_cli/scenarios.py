"""`scenarios` and `export`: what can be run, here or with other tools."""

from instastream import shell
from instastream.load.reporting.tables import scenarios_table
from instastream.load.scenario import exporting
from instastream.load.scenario.exporting import Tool
from instastream.load.scenario.scenarios import load_scenario, shipped
from instastream.load_cli.app import ScenarioName, load
from instastream.terminal import print_line, show


@load.command
def scenarios(name: str = "", *, as_json: shell.AsJson = False) -> None:
    """List the scenarios that come with instastream, or print one, to begin one of your own.

    **Examples**

        instastream load scenarios
        instastream load scenarios smoke > mine.toml && instastream load run mine.toml
    """
    if name:
        load_scenario(name)  # says which are near
        print_line(shipped()[name].read_text().rstrip())
        return
    known = {name: load_scenario(name) for name in shipped()}
    show(known, scenarios_table(known.values()), as_json=as_json)


@load.command
def export(scenario: ScenarioName, tool: Tool) -> None:
    """Print a scenario as a script for locust or k6.

    **Examples**

        instastream load export mixed-social k6 > k6.js
        instastream load export mixed-social locust > locustfile.py

    Parameters
    ----------
    tool
        Whose script.
    """
    print_line(exporting.export(load_scenario(scenario), tool).rstrip())
