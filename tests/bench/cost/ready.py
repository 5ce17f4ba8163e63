"""How long `sered run` takes from its start to READY, without words and without a sound card.

Usage: ready.py. Prints seconds as JSON.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

with tempfile.TemporaryDirectory() as folder:
    config = Path(folder) / "sered.toml"
    config.write_text(
        'mode = "audio"\n[[line]]\ncard = "card:None"\n[mqtt]\nport = 9\n'
        f'[spool]\npath = "{folder}/spool.db"\n'
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"{folder}/notify")
        systemd.settimeout(30)
        began = time.monotonic()
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / "sered"), "run", "--config", str(config)],
            env=os.environ | {"NOTIFY_SOCKET": f"{folder}/notify"},
            stderr=subprocess.DEVNULL,
        )
        while b"READY=1" not in systemd.recv(4096):
            pass
        ready_s = time.monotonic() - began
        process.terminate()
        stopping = time.monotonic()
        process.wait(10)
print(json.dumps({"ready_s": ready_s, "stop_s": time.monotonic() - stopping}))
