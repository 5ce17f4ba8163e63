"""A Slurm of two nodes on this machine: Debian's daemons, own ports, own key, one folder."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NODES = ("n1", "n2")
DAEMONS = ("munged", "slurmctld", "slurmd")
_CONFIGURATION = """\
ClusterName=sered
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort={controller}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobRequeue=1
{nodes}
PartitionName=all Nodes={names} Default=YES MaxTime=INFINITE State=UP
"""


class Slurm:
    """Use as a context; `folder` has a short name, since sockets lie in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._daemons: list[subprocess.Popen[bytes]] = []
        self._known = os.environ | {"SLURM_CONF": str(folder / "slurm.conf")}

    def __enter__(self) -> Slurm:
        missing = [name for name in DAEMONS if shutil.which(name) is None]
        assert not missing, f"no {', '.join(missing)}: apt-get install slurm-wlm"
        self._write()
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        places = {name: self.folder / f"munge.{name}" for name in ("sock", "log", "pid", "seed")}
        self._start(
            "munged", "--foreground", "--force", f"--key-file={key}",
            f"--socket={places['sock']}", f"--log-file={places['log']}",
            f"--pid-file={places['pid']}", f"--seed-file={places['seed']}",
        )  # fmt: skip
        until(places["sock"].exists)
        configuration = str(self.folder / "slurm.conf")
        self._start("slurmctld", "-D", "-f", configuration)
        for node in NODES:
            self._start("slurmd", "-D", "-N", node, "-f", configuration)
        until(lambda: self.ask("sinfo", "-h", "-o", "%t %D") == f"idle {len(NODES)}")
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            self.ask("scancel", "--full", "--signal=KILL", "--user=root")
        for daemon in reversed(self._daemons):
            daemon.send_signal(signal.SIGTERM)
        for daemon in self._daemons:
            try:
                daemon.wait(20.0)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def ask(self, *command: str, cwd: Path | None = None) -> str:
        """What one of Slurm's commands prints."""
        done = subprocess.run(
            command, env=self._known, cwd=cwd, check=False, capture_output=True, text=True
        )
        if done.returncode and command[0] == "sbatch":
            raise AssertionError(done.stderr)
        return done.stdout.strip()

    def _start(self, *command: str) -> None:
        with (self.folder / f"{command[0]}.out").open("ab") as out:
            self._daemons.append(subprocess.Popen(command, env=self._known, stdout=out, stderr=out))

    def _write(self) -> None:
        host = socket.gethostname()
        (self.folder / "state").mkdir()
        lines = []
        controller, *ports = _free_ports(1 + len(NODES))
        for node, port in zip(NODES, ports, strict=True):
            (self.folder / f"spool-{node}").mkdir()
            lines.append(
                f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port}"
                " CPUs=2 RealMemory=1500"
            )
        text = _CONFIGURATION.format(
            host=host, controller=controller, folder=self.folder, nodes="\n".join(lines),
            names=",".join(NODES),
        )  # fmt: skip
        (self.folder / "slurm.conf").write_text(text)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        taken = []
        for _ in range(count):
            known = stack.enter_context(contextlib.closing(socket.socket()))
            known.bind(("127.0.0.1", 0))
            taken.append(int(known.getsockname()[1]))
        return taken


def until(true: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for the event; AssertionError when it does not come."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.1)
