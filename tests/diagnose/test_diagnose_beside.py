"""The doctor beside the running service: it asks, it does not fight; and both tell one truth."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from broker import Broker, Listener, wait_until
from message_makers import status
from pulse_lines import RATE_HZ, Desk
from sered.box import snapshot
from sered.diagnose import status_checks
from sered.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clock")]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts `sered run` on a configuration, with a place to tell how it goes."""
    started: list[subprocess.Popen[bytes]] = []

    def run(toml: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        (tmp_path / "sered.toml").write_text(toml)
        (tmp_path / "run").mkdir()
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "sered", "run", "--config", str(tmp_path / "sered.toml")],
                env=os.environ | environment | {"RUNTIME_DIRECTORY": str(tmp_path / "run")},
                stderr=log,
            )
        started.append(process)
        return process

    yield run
    for process in started:
        process.terminate()
        process.wait(10)


Stage = Callable[..., subprocess.Popen[bytes]]


def configuration(broker: Broker, spool: Path, card: str) -> str:
    return (
        f'site = "oslo"\ndevice = "desk4"\n[[line]]\nname = "front"\ncard = "{card}"\n'
        f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n[spool]\npath = "{spool}/spool.db"\n'
    )


def test_the_doctor_examines_a_running_box_in_time_and_disturbs_nothing(
    stage: Stage, broker: Broker, tmp_path: Path
) -> None:
    """Card, spool and session stay the service's; the whole run takes less than 30 s."""
    folder = Path(tempfile.mkdtemp(prefix="sered-beside-"))
    desk = Desk(folder / "d", ("front",), environment={})
    try:
        desk.plug("front")
        hiss = np.random.default_rng(3).normal(0, 8, (60 * RATE_HZ, 2)).astype(np.int16)
        desk.play(hiss, "front")
        process = stage(configuration(broker, tmp_path, "pcm:tap_front"), desk.environment)
        told = tmp_path / "run" / snapshot.FILE_NAME

        def heard() -> bool:
            state = snapshot.read(told.parent)
            return state is not None and state.health is not None and bool(state.sides["front"])

        wait_until(heard, what="the service to hear its line")
        path = tmp_path / "sered.toml"
        environment = os.environ | desk.environment | {"RUNTIME_DIRECTORY": str(told.parent)}
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "sered", "diagnose", "--json", "--config", str(path)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert time.monotonic() - began < 30.0
        assert process.poll() is None
    finally:
        desk.close()
        shutil.rmtree(folder)
    document = json.loads(done.stdout)
    found: dict[str, dict[str, Any]] = {one["id"]: one for one in document["checks"]}
    bad = {key: one["found"] for key, one in found.items() if one["mark"] == "fail"}
    assert (done.returncode, bad, done.stderr) == (0, {}, "")
    assert found["tap.card"]["found"] == "pcm:tap_front, as the running service says"
    assert "the running service hears pcm:tap_front" in found["tap.opens"]["found"]
    assert found["spool.opens"]["found"] == "the running service has it open"
    assert found["broker.retained"]["found"].startswith("online")
    assert found["whole.verdict"]["mark"] == "ok"
    log = (tmp_path / "log").read_text()
    assert log.count("broker.connected") == 1
    assert "broker.lost" not in log


def test_a_disk_without_room_stands_in_the_status_with_the_doctors_words(
    stage: Stage, broker: Broker, tmp_path: Path
) -> None:
    """What the doctor says of a full disk, the running service's status says in the same words."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small disk")
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(small)]
    done = subprocess.run(mount, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount here: {done.stderr.decode().strip()}")
    central = Listener(broker)
    try:
        stage(configuration(broker, small, "card:Nowhere"), {})
        (payload,) = central.wait("status", 1, 20.0)[:1]
        status = json.loads(payload)
        ((reason, sentence),) = status_checks.faults(
            Settings.model_validate({"spool": {"path": small / "spool.db"}})
        )
        assert reason == "disk_full"
        assert reason in status["reasons"]
        assert sentence.partition(": ")[2].partition("MB free")[2] in status["text"]
        assert f"df -h {small}" in status["text"]
    finally:
        central.close()
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_a_box_in_order_adds_nothing_to_the_status(tmp_path: Path) -> None:
    """The cheap checks cost the service's loop next to nothing."""
    settings = Settings.model_validate({"spool": {"path": tmp_path / "spool.db"}})
    began = time.perf_counter()
    assert status_checks.faults(settings) == ()
    assert time.perf_counter() - began < 1.0


def test_what_a_dead_service_left_behind_is_not_believed(tmp_path: Path) -> None:
    """Neither a state of ten seconds ago nor one of a process that is gone."""
    fields = {"status": status(), "broker": "connected", "health": None}
    with subprocess.Popen(["true"]) as gone:
        pass
    states = [
        (os.getpid(), time.monotonic(), True),
        (os.getpid(), time.monotonic() - 11.0, False),
        (gone.pid, time.monotonic(), False),
    ]
    for pid, at, fresh in states:
        made = snapshot.Snapshot.model_validate(fields | {"pid": pid, "at": at})
        snapshot.write(tmp_path, made)
        read = snapshot.read(tmp_path)
        assert read is not None
        assert read.fresh is fresh
    (tmp_path / snapshot.FILE_NAME).write_text("{")
    assert snapshot.read(tmp_path) is None


def test_a_configuration_that_is_not_in_force_is_told(
    stage: Stage, broker: Broker, tmp_path: Path
) -> None:
    """What was changed since the service began is a fault, and no line of it is called in order."""
    text = configuration(broker, tmp_path, "card:Nowhere")
    process = stage(text, {})
    told = tmp_path / "run"

    def runs() -> bool:
        state = snapshot.read(told)
        return state is not None and state.fresh

    wait_until(runs, what="the service to say how it is")
    path = tmp_path / "sered.toml"

    def diagnose() -> tuple[int, dict[str, dict[str, Any]]]:
        done = subprocess.run(
            [sys.executable, "-m", "sered", "diagnose", "--json", "--config", str(path),
             "--only", "configuration", "--only", "tap", "--only", "spool"],
            env=os.environ | {"RUNTIME_DIRECTORY": str(told)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, {one["id"]: one for one in json.loads(done.stdout)["checks"]}

    path.write_text(f"# a remark changes nothing\n{text}")
    _, found = diagnose()
    assert found["configuration.in_force"]["mark"] == "ok"
    path.write_text(text.replace("card:Nowhere", "card:Other"))
    status, found = diagnose()
    assert status == 1
    assert found["configuration.in_force"]["fault"] == "older"
    assert found["configuration.in_force"]["hint"] == "sudo systemctl restart sered"
    assert found["tap.card"]["mark"] == "fail"
    assert "as the running service says" not in found["tap.card"]["found"]
    assert found["spool.opens"]["mark"] == "skip"
    assert process.poll() is None
