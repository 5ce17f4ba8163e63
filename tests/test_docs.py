"""Promises of the documents: links lead somewhere, commands exist, examples are valid."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from project import ROOT, Ended
from sered.settings import Settings

DOCUMENTS = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("[a-z]*/*.md")})
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    """Every relative link in a document leads to a file of the project."""
    for target in LINK.findall(path.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert (path.parent / target).exists(), target


def test_readme_commands_exist(sered: Callable[..., Ended]) -> None:
    """Every command in the README's table has help."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| `sered ([a-z]+)([^`]*)`((?:, `[a-z]+`)*)", text, re.MULTILINE)
    assert len(table) >= 8
    for command, first, more in table:
        subs = re.findall(r"[a-z]+", more)
        for sub in [first.strip(), *subs] if subs else [""]:
            assert sered(command, *([sub] if sub else []), "--help").status == 0


def test_readme_configuration_is_valid() -> None:
    """The configuration in the README is one that sered takes."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    settings = Settings.model_validate(tomllib.loads(example))
    assert settings.site == "berlin"


def test_no_document_configures_a_site_with_the_mini_model() -> None:
    """Configurations to copy name an official recogniser: vosk-mini is for demo and tests."""
    models = [
        table["models"]["vosk"]
        for path in DOCUMENTS
        for example in re.findall(r"```toml\n(.*?)```", path.read_text("utf-8"), re.DOTALL)
        if "vosk" in (table := tomllib.loads(example)).get("models", {})
    ]
    assert models
    assert not [model for model in models if "mini" in model]


def test_recipes_name_tests_and_places_that_are_there() -> None:
    """What a recipe sends somebody to, a test, a module or a make target, exists."""
    text = (ROOT / "docs/recipes.md").read_text(encoding="utf-8")
    tests = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))
    }
    assert set(re.findall(r"`(test_\w+)`", text)) <= tests
    for place in re.findall(r"`([\w/-]+(?:\.py|\.tsv|\.md|/))`", text):
        assert any((ROOT / top / place).exists() for top in ("", "device/sered")), place
    targets = re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert set(re.findall(r"`make ([a-z-]+)", text)) <= set(targets)
