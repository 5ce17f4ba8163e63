"""The verdicts of a fixed set of calls by two states of the code: cheaper may not mean different.

Usage: verdicts.py BEFORE [AFTER]. Both are git revisions; without AFTER it is the working tree.
The set: the bundled demo call at three levels, and the real calls where they are beside the
project. Prints every call's verdicts and ends with 1 where one has moved.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import soundfile

ROOT = Path(__file__).parent.parent.parent.parent
DEMO = ROOT / "device/sered/demo/call.wav"
REAL = ROOT.parent / "shared/data/speech/calls"
_NO_VERDICT = ("call_id", "started_at", "ended_at", "versions")


def tree(revision: str, folder: Path) -> Path:
    """The code and models of a revision."""
    packed = subprocess.run(
        ["git", "archive", revision, "device", "models"], cwd=ROOT, check=True, capture_output=True
    )
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def calls(folder: Path) -> dict[Path, list[str]]:
    """Recordings, and how each is to be read."""
    sound, rate_hz = soundfile.read(DEMO, dtype="float64")
    recordings: dict[Path, list[str]] = {}
    for gain_db in (0, -12, -24):
        path = folder / f"demo {gain_db} dB.wav"
        soundfile.write(path, sound * 10 ** (gain_db / 20), rate_hz, subtype="PCM_16")
        recordings[path] = []
    for path in sorted(REAL.glob("*.flac")):
        recordings[path] = ["--sides", "mixed=mono"] if "mixed" in path.name else []
        if "agent-only" in path.name:
            recordings[path] = ["--sides", "customer=1,agent=none"]
    return recordings


def verdicts(code: Path, recording: Path, options: list[str]) -> list[dict[str, Any]]:
    """What a state of the code makes of a recording."""
    done = subprocess.run(
        [sys.executable, "-m", "sered", "analyze", "--json", str(recording), *options],
        env=os.environ | {"PYTHONPATH": str(code / "device")},
        check=True,
        capture_output=True,
    )
    reports = json.loads(done.stdout)[0]["calls"]
    return [{k: v for k, v in report.items() if k not in _NO_VERDICT} for report in reports]


def told(reports: list[dict[str, Any]]) -> str:
    """The verdicts in short."""
    return "; ".join(
        f"{said['category'] or 'undetermined'} {said['score']:+.4f}"
        + (", escalate" if said["escalate"] else "")
        for report in reports
        if (said := report["sentiment"])
    )


def differences(was: Any, now: Any, at: str = "") -> set[str]:
    """Paths of what differs; `+path` is a field that only the second has: the contract may grow."""
    if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        pairs = zip(was, now, strict=True)
        return {path for old, new in pairs for path in differences(old, new, f"{at}[]")}
    if isinstance(was, dict) and isinstance(now, dict):
        found = {f"+{at}.{key}" for key in now.keys() - was.keys()}
        found |= {f"{at}.{key}" for key in was.keys() - now.keys()}
        for key in was.keys() & now.keys():
            found |= differences(was[key], now[key], f"{at}.{key}")
        return found
    return set() if was == now else {at}


def main(before: str, after: str | None) -> int:
    """Compare; 0 where nothing moved."""
    moved = 0
    added: set[str] = set()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        old = tree(before, folder / "before")
        new = tree(after, folder / "after") if after else ROOT
        for recording, options in calls(folder).items():
            was, now = (verdicts(code, recording, options) for code in (old, new))
            found = differences(was, now)
            added |= {path for path in found if path.startswith("+")}
            other = sorted(found - added)
            moved += bool(other)
            more = f" MOVED from {told(was)}: {', '.join(other)}" if other else ""
            print(f"{recording.stem}: {told(now)}{more}", flush=True)
    print(f"Added: {', '.join(sorted(added)) or 'nothing'}")
    print(f"{moved} moved: whole reports compared, but for ids, times of day and versions")
    return 1 if moved else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None))
