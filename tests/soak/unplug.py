"""A hundred times a card is unplugged and comes back: does anything leak, does it always return?

`python tests/soak/unplug.py [CYCLES]` plays it with the installed `sered run` on PulseAudio, ALSA
and PortAudio, Mosquitto beside it; prints a table and ends with 1 when a limit is broken.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import psutil

from broker import Broker, Listener
from pulse_lines import Desk
from service_stage import Run, Theatre

WARM_UP = 5
MOST_BACK_S = 10.0
MOST_GROWTH_MB = 1.0


def figures(process: psutil.Process) -> dict[str, float]:
    """What could leak; the least of two seconds, in which files come and go."""
    looks = []
    for _ in range(20):
        time.sleep(0.1)
        looks.append(
            {
                "RSS, MB": round(process.memory_info().rss / 2**20, 2),
                "descriptors": process.num_fds(),
                "threads": process.num_threads(),
                "processes": len(process.children(recursive=True)),
            }
        )
    return {what: min(look[what] for look in looks) for what in looks[0]}


def cycle(run: Run, desk: Desk) -> tuple[float, float]:
    """Unplug and plug in again: seconds until each was noticed."""
    desk.unplug("line")
    noticed = run.wait("the unplugging", lambda: "unplugged" in run.reasons("line"), 30.0)
    desk.plug("line")
    back = run.wait("the card's return", lambda: not run.reasons("line"), 60.0)
    # a card that is heard for a moment only would be tried ever more rarely
    time.sleep(3.5)
    return noticed, back


def main(cycles: int) -> int:
    """Play it; 0 when every limit held."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Broker(folder / "broker").start()
        theatre = Theatre(folder, Desk(folder / "desk", ("line",)), broker, Listener(broker))
        try:
            theatre.desk.plug("line")
            run = theatre.start("box", ("line",), Path(sys.executable).parent / "sered")
            run.wait("sound", lambda: run.health("line").get("frames"), 30.0)
            process = psutil.Process(run.process.pid)
            times = [cycle(run, theatre.desk) for _ in range(WARM_UP)]
            first = figures(process)
            for number in range(cycles):
                times.append(cycle(run, theatre.desk))
                print(f"{number + 1}/{cycles}", *times[-1], file=sys.stderr)
            last = figures(process)
        finally:
            theatre.close()
    noticed, back = (sorted(each) for each in zip(*times, strict=True))
    print(f"| after | {WARM_UP} cycles | {WARM_UP + cycles} cycles |\n|---|---|---|")
    for what in first:
        print(f"| {what} | {first[what]} | {last[what]} |")
    for what, each in (("unplugging noticed", noticed), ("heard again", back)):
        print(f"| {what}: median, worst | {each[len(each) // 2]:.1f} s | {each[-1]:.1f} s |")
    grown = last["RSS, MB"] - first["RSS, MB"]
    same = all(first[what] == last[what] for what in ("descriptors", "threads", "processes"))
    return 0 if same and grown <= MOST_GROWTH_MB and back[-1] <= MOST_BACK_S else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
