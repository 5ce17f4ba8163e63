"""Checks of the emotion network: its two files, their checksum, its tuning signal, its speed."""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING

from sered import config
from sered.diagnose.checks import service_user
from sered.diagnose.model import Check, Context, Group, Outcome, fault, ok, skip_all
from sered.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

_UTTERANCE_S = 5
_BUSY = 0.2
"""Seconds of work a second, with speech on all lines, that leave room for the words."""


def _path(context: Context) -> Path:
    return config.model_path(context.known.models.emotion)


def _there(context: Context) -> Outcome:
    if context.known.mode == "text":
        return skip_all('mode = "text": voices are not judged')
    path = _path(context)
    if service_user.hidden(path):
        return fault("at_home", f"{path} is in a home folder")
    service_user.become_service_user()
    for file, name in ((path, "no_model"), (path.with_suffix(".json"), "no_sidecar")):
        if not file.is_file():
            return fault(name, f"no file {file}", folder=str(path.parent))
        if not os.access(file, os.R_OK):
            return fault("unreadable", f"{file} may not be read", file=str(file))
    return ok(f"{path}, {path.stat().st_size // 1024} kB")


def _genuine(context: Context) -> Outcome:
    from sered.voice.sidecar import Sidecar

    path = _path(context)
    beside = path.with_suffix(".json")
    try:
        sidecar = Sidecar.model_validate_json(beside.read_bytes())
    except ValueError as error:
        first = str(error).splitlines()
        return fault("bad_sidecar", f"{beside}: {' '.join(first[1:3])}", folder=str(path.parent))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest == sidecar.sha256:
        return ok(f"SHA-256 {digest[:12]}... {sidecar.terms}".rstrip())
    found = f"SHA-256 {digest[:12]}..., the sidecar says {sidecar.sha256[:12]}..."
    name = "other_model" if _is_a_network_of_its_own(path, sidecar.input.scale) else "altered"
    return fault(name, found, folder=str(path.parent))


def _is_a_network_of_its_own(path: Path, scale: float) -> bool:
    """Whether the file loads but has other numbers than the sidecar; a broken one may crash."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            from sered.interpreter import load_interpreter

            details = load_interpreter(path).get_input_details()[0]
            status = 0 if abs(details["quantization"][0] - scale) > 1e-6 else 1
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1] == 0


def _loads(context: Context) -> Outcome:
    import numpy as np

    from sered.voice.emotion import TfliteEmotion, tuning_signal

    try:
        model = TfliteEmotion(_path(context))
    except ModelError as error:
        return fault("unfit", str(error))
    except ImportError as error:
        return fault("no_runtime", str(error))
    utterance = np.tile(tuning_signal(), _UTTERANCE_S)
    model.judge(utterance)
    began = time.perf_counter()
    model.judge(utterance)
    return ok(
        "its tuning signal gives the numbers it should",
        emotion_rtf=(time.perf_counter() - began) / _UTTERANCE_S,
    )


def _speed(context: Context) -> Outcome:
    rtf: float = context.facts["emotion_rtf"]
    lines = len(context.known.line)
    found = f"{rtf * 1000:.1f} ms a second of speech, {lines} line{'s' if lines > 1 else ''}"
    return fault("slow", found) if rtf * lines > _BUSY else ok(found)


CHECKS = (
    Check(
        "emotion.there",
        "the emotion network and its sidecar are there",
        "The network judges how the voice sounds; its sidecar, the .json beside it, says how to "
        "feed it.",
        _there,
        failures={
            "no_model": "Put emotion.tflite and emotion.json of one model into {folder}, or "
            "install sered again; `sered config show` tells where [models] emotion points.",
            "no_sidecar": "Put the .json that came with the model beside it in {folder}.",
            "unreadable": "sudo chmod a+r {file}",
            "at_home": "The service is not shown home folders: move both files to "
            "/var/lib/sered/models and set [models] emotion.",
        },
        fatal=True,
    ),
    Check(
        "emotion.genuine",
        "the network is the one that its sidecar describes",
        "A network fed by another one's numbers gives nonsense that looks like a verdict.",
        _genuine,
        deadline_s=10.0,
        failures={
            "altered": "The file has changed since it was made: a dying card, or a copy that "
            "broke off. Copy both files anew into {folder}, and look at system.wear.",
            "other_model": "The sidecar belongs to another model. Copy the .tflite and .json that "
            "belong together into {folder}.",
            "bad_sidecar": "Copy the .json that came with the model into {folder}.",
        },
        fatal=True,
    ),
    Check(
        "emotion.loads",
        "the network computes here as where it was made",
        "It judges a tuning signal whose answer is in the sidecar; features, network and "
        "processor must all agree.",
        _loads,
        failures={
            "unfit": "Install the sered and the model that belong together.",
            "no_runtime": "The runtime is not installed: install sered again with pip, on a "
            "64-bit system.",
        },
        deadline_s=15.0,
        fatal=True,
    ),
    Check(
        "emotion.speed",
        "the network is fast enough for all lines",
        "It must be done with one utterance before the next one ends.",
        _speed,
        warnings={
            "slow": "Look at system.speed and at what else runs here (`top`); fewer lines on "
            "this box, or a faster one."
        },
    ),
)

GROUP = Group("emotion", "Voice", CHECKS, lane="judges", needs=("configuration.reads",))
