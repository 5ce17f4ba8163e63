"""`sered` that kills itself at its weakest moment when a file asks for it: `dying WISH ...`.

An ingester dies after COMMIT and before it acknowledges, a clock in the middle of a step: after it
noted that the step was fired and before its notification is in the outbox.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any


def main(wish: str, arguments: list[str]) -> None:
    """Run `sered` with these arguments."""
    from sered.central.cases import clock
    from sered.central.ingest.queue import Queue
    from sered.cli import main as sered
    from sered.delivery.subscription import Subscription

    def before(owner: Any, name: str, part: str) -> None:
        inner = getattr(owner, name)

        def dies(*given: Any) -> Any:
            file = Path(f"{wish}-{part}")
            if file.exists():
                file.unlink()
                os.kill(os.getpid(), signal.SIGKILL)
            return inner(*given)

        setattr(owner, name, dies)

    before(Queue, "acknowledge", "ingest")
    before(Subscription, "acknowledge", "ingest")
    before(clock, "_post", "clock")
    sys.argv = ["sered", *arguments]
    sered()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
