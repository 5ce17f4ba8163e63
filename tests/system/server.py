"""A server that central is installed on: broker, configuration, and what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker import free_port
from system.desk import CHECKOUT, put_broker, put_checkout

if TYPE_CHECKING:
    from project import Ended
    from system.machine import Machine

CONFIGURATION = "/etc/sered-central/central.toml"
_INSTALL_S = 900.0
_PORTS = """\
[source]
host = "127.0.0.1"
port = {broker}
[web]
port = {board}
"""


class Server:
    """A machine with a broker; central comes by `install`."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.run = machine.run

    def furnish(self) -> None:
        """Put checkout, broker and the site's configuration on the disk."""
        disk = self.machine.disk
        put_checkout(disk)
        text = _PORTS.format(broker=put_broker(disk), board=free_port())
        disk.write(CONFIGURATION, text)

    def install(self) -> Ended:
        """`make install-central` in the checkout."""
        script = f"make -C {CHECKOUT} --no-print-directory install-central"
        return self.run(script, timeout_s=_INSTALL_S, PIP_CACHE_DIR="/var/cache/pip")

    def show(self, name: str) -> str:
        """A property of the unit, as systemd names it."""
        return self.run(f"systemctl show sered-central -P {name}").out

    @property
    def listens(self) -> bool:
        """Active, and it says of itself that the broker has it."""
        return self.show("ActiveState") == "active" and "messages taken" in self.show("StatusText")

    def page(self, path: str) -> tuple[int, str]:
        """Status and text of a page of the board, asked for on the machine itself."""
        port = self.run(f"sed -n '/web/,$s/^port = //p' {CONFIGURATION}").out
        asked = (
            "import http.client as h; c = h.HTTPConnection('127.0.0.1', int(PORT), timeout=10);"
            " c.request('GET', PATH); a = c.getresponse(); print(a.status, a.read().decode())"
        )
        code = asked.replace("PORT", repr(port)).replace("PATH", repr(path))
        status, _, text = self.run(f'python3 -c "{code}"').out.partition(" ")
        return int(status), text

    def kept(self) -> tuple[int, int]:
        """Calls in the store, and how often a box said something that could not be used."""
        code = (
            "import sqlite3; c = sqlite3.connect('/var/lib/sered-central/central.db');"
            " print(*(c.execute('select count(*) from ' + t).fetchone()[0]"
            " for t in ('call', 'quarantine')))"
        )
        calls, odd = self.run(f'python3 -c "{code}"').out.split()
        return int(calls), int(odd)
