"""The recipe of docs/central-scale.md, as far as it can be read without booting twelve machines."""

from __future__ import annotations

import subprocess

import pytest

from cluster import recipe
from cluster.net import HOSTS
from project import ROOT

_PAGE = recipe.PAGE.read_text()
_BLOCKS = recipe.blocks(_PAGE, recipe.RECIPE)
_UPGRADE = recipe.blocks(_PAGE, recipe.UPGRADE)
_KINDS = {"central", "etcd", "front", "pg", "rabbit"}


@pytest.mark.parametrize(
    "block", _BLOCKS + _UPGRADE, ids=lambda block: block.script.splitlines()[1][:40]
)
def test_a_block_is_shell_and_its_files_are_there(block: recipe.Block) -> None:
    """Bash can read it, and what it takes from the checkout is in the checkout."""
    done = subprocess.run(
        ["bash", "-n"], input=block.script, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    named = [word for word in block.script.split() if word.startswith("docs/")]
    assert [word for word in named if not (ROOT / word).exists()] == []


def test_every_host_is_set_up_once_central_has_an_authority() -> None:
    """The authority comes first, and no host of the recipe is left out."""
    assert "make-certificates ca" in _BLOCKS[0].script
    assert {kind for block in _BLOCKS for kind in map(recipe.kind, block.hosts)} == _KINDS


def test_every_host_is_brought_up_once() -> None:
    """A new version leaves no host out, and passes none twice."""
    named = [host for block in _UPGRADE for host in block.hosts]
    assert sorted(named) == sorted(HOSTS)


def test_a_block_that_would_be_passed_over_is_refused() -> None:
    """A block without hosts, or of no shell, is a fault of the page."""
    with pytest.raises(ValueError, match="begins without its hosts"):
        recipe.blocks("## The recipe\n```sh\nsystemctl start all\n```\n", recipe.RECIPE)
    with pytest.raises(ValueError, match="is no shell"):
        recipe.blocks("## The recipe\n```toml\nlate = true\n```\n", recipe.RECIPE)
