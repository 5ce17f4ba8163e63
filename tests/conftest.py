"""Fixtures that every part's tests may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The corpora beside the project; a test that needs them is skipped without, never in CI."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        reason = f"needs the corpora in {folder}, which is not there"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
