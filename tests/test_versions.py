"""Versions: what carries a number says so in docs/releasing.md, and the package has one number."""

import re
import tomllib

from project import ROOT
from sered import __version__

RELEASING = (ROOT / "docs/releasing.md").read_text(encoding="utf-8")


def test_the_package_has_one_version() -> None:
    """pyproject.toml, which installers read, and the package, which reports carry, agree."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == __version__


def test_the_changelog_is_cut_into_versions() -> None:
    """Unreleased stands first, then releases with their dates, the newest before the older."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    heads = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert heads[0] == "Unreleased"
    released = [
        re.fullmatch(r"(\d+)\.(\d+)\.(\d+) \(\d{4}-\d\d-\d\d\)", head) for head in heads[1:]
    ]
    assert all(released), heads
    numbers = [tuple(map(int, each.groups())) for each in released if each]
    assert numbers == sorted(numbers, reverse=True)
    assert tuple(map(int, __version__.split(".")[:3])) >= numbers[0]


def test_every_number_of_the_table_is_where_it_says() -> None:
    """Each row of the policy's table has its number in the code that it names."""
    from sered.box.snapshot import Snapshot
    from sered.contract.messages import PAYLOADS
    from sered.diagnose.report import Report
    from sered.voice.recipe import VERSION, Recipe
    from sered.voice.sidecar import Sidecar

    rows = re.findall(r"^\| (\w+) \| ", RELEASING, re.MULTILINE)
    assert rows == [
        "thing", "package", "contract", "diagnose", "sidecar", "recipe", "spool", "snapshot",
    ]  # fmt: skip
    told = {payload.model_fields["schema_"].default for payload in PAYLOADS.values()}
    assert "sered.call/1" in told
    assert Report.model_fields["schema_"].default == "sered.diagnose/1"
    assert Sidecar.model_fields["schema_"].alias == "schema"
    assert Recipe().version == VERSION
    assert Snapshot.model_fields["version"].default == 1
