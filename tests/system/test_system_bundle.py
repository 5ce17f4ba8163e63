"""A box without internet, from a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from system.desk import CHECKOUT, eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from system.desk import Desk

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]


def test_a_bundle_installs_without_internet(
    desk: Desk, fresh: Callable[..., Desk], tmp_path: Path
) -> None:
    """Made on a box like it, one archive brings packages, libraries and a Vosk model along."""
    desk.run("cp -r /root/sered/models/vosk-mini /root/vosk-model-of-the-site")
    script = f"make -C {CHECKOUT} bundle MODEL=/root/vosk-model-of-the-site"
    desk.run(script, timeout_s=600, PIP_CACHE_DIR="/var/cache/pip")
    archive = next((desk.machine.disk.root / CHECKOUT[1:] / "dist").glob("*.tar.gz"))
    print(f"{archive.name}: {archive.stat().st_size / 1e6:.0f} MB")
    box = fresh("bookworm", "--private-network", f"--bind-ro={archive.parent}:/media")
    box.run(f"rm -r {CHECKOUT} /etc/sered; cd /root && tar xf /media/{archive.name}")
    said = box.run("/root/sered-*/install", timeout_s=600).out
    assert "libportaudio2" in said
    assert box.run("sered models list").out
    toml = box.run("cat /etc/sered/sered.toml").out
    assert 'vosk = "/var/lib/sered/models/vosk-model-of-the-site"' in toml
    eventually(lambda: box.show("ActiveState") == "active", 30, "the service")
    box.run("echo >>$(ls -d /root/sered-*/LICENSE)")
    damaged = box.run("/root/sered-*/install", check=False)
    assert damaged.status != 0
    assert "damaged" in damaged.err
