"""What the README and the settings file say is what happens."""

import re
import tomllib
from pathlib import Path

import pytest
from dropbox_audit.cli import app
from dropbox_audit.settings import Settings
from support import DemoRun
from typer.main import get_command

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_demo_prints_what_the_readme_shows(demo_run: DemoRun) -> None:
    shown = re.search(r"<!-- output of make demo.*?-->\n```text\n(.*?)\n```", README, re.DOTALL)
    assert shown is not None
    printed = [_without_figures(line) for line in demo_run.output.splitlines()]
    assert [_without_figures(line) for line in shown[1].splitlines()] == printed[: len(shown[1].splitlines())]


def _without_figures(line: str) -> str:
    """Rows of a table are the day's; everything around them is the same every day."""
    if re.search(r"@|^\w[\w.-]*\.(example|com)\b|^\d{4}-", line):
        return "(row)"
    return " ".join(re.sub(r"[\d,.]+", "N", line).replace("─", "").split())


def test_each_command_and_option_of_the_readme_exists() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    table = re.findall(r"^\| `dropbox-audit (\w+)` \| (.*) \|$", README, re.MULTILINE)
    assert {name for name, _ in table} == set(commands)
    for name, text in table:
        options = {option for parameter in commands[name].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", text)) <= options, name


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#:]+)\)", README))
def test_each_link_of_the_readme_leads_somewhere(target: str) -> None:
    assert (ROOT / target).exists()


def test_the_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"\bmake (\w+)", README)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_settings_file_lists_every_setting_with_its_default() -> None:
    text = (ROOT / ".dlt/config.toml").read_text()
    written = tomllib.loads(text)["sources"]["dropbox_audit"]
    defaults = {
        name: getattr(Settings(), name)
        for name in Settings.__annotations__
        if name not in {"app_key", "app_secret", "refresh_token", "access_token", "mcp_token", "granted_scopes"}
    }
    assert written == {name: value for name, value in defaults.items() if value is not None}
    for name, value in defaults.items():
        assert value is not None or re.search(rf"^# {name} = ", text, re.MULTILINE), name


def test_the_example_of_secrets_is_toml_and_holds_none() -> None:
    example = tomllib.loads((ROOT / ".dlt/example.secrets.toml").read_text())
    assert set(example["sources"]["dropbox_audit"].values()) == {""}


def test_the_script_stays_short() -> None:
    script = ROOT / "pipelines/dropbox_audit_pipeline.py"
    assert len(script.read_text().splitlines()) <= 30
