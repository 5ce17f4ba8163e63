"""What is said before a training starts: sizes, what is skipped, what nothing is learned from."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from convert.corpora import ORDINARY

from sered.errors import ModelError
from sered.records import NEGATIVE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from convert.corpora import Clip, Found
    from convert.workshop import Effort

FEWEST_SPEAKERS = 8
"""Some have to be held out, and one mood of two or three is their voice."""
FEWEST_CLIPS = 60
"""Labelled ones; of fewer neither the ranges of int8 nor the held-out speakers say anything."""
ONE_MOOD = 0.5
"""Share of a corpus' speakers with one feeling only from which its labels tell voices apart."""
_COPY_S, _PASS_S = 0.011, 1.2e-4
"""Processor seconds to send a clip down a line and to hear it once in training, on 2020s x86."""


def _is_bad(clip: Clip) -> bool:
    return clip.label in NEGATIVE or clip.label == "negative"


def one_feeling(found: Found) -> dict[str, list[str]]:
    """Speakers of each corpus who are only ever negative, or never; ordinary speech aside."""
    sides: dict[str, dict[str, set[bool]]] = defaultdict(lambda: defaultdict(set))
    for clip in found.clips:
        if clip.label != ORDINARY:
            sides[clip.corpus][clip.speaker].add(_is_bad(clip))
    return {
        corpus: sorted(name for name, found_of in speakers.items() if len(found_of) == 1)
        for corpus, speakers in sides.items()
        if sum(len(of) == 1 for of in speakers.values()) > ONE_MOOD * len(speakers)
    }


def check(found: Found) -> None:
    """ModelError where nothing can be learned; what teaches little is noted in `found`."""
    labelled = [clip for clip in found.clips if clip.label != ORDINARY]
    speakers = {clip.speaker for clip in labelled}
    tess = all(clip.corpus == "tess" for clip in labelled)
    few = len(speakers) < FEWEST_SPEAKERS and not tess
    if not labelled or few or len(labelled) < FEWEST_CLIPS:
        raise ModelError(
            f"wanted {FEWEST_CLIPS} labelled recordings or more, of {FEWEST_SPEAKERS} speakers or "
            f"more; found {len(labelled)} of {len(speakers)}. "
            f"{found.report() or 'Nothing could be read'}"
        )
    sides = {_is_bad(clip) for clip in labelled}
    if len(sides) == 1:
        kind = "negative" if True in sides else "not negative"
        raise ModelError(
            f"wanted negative recordings and others; found {len(labelled)}, all of them {kind}: "
            "label some that are the opposite"
        )
    poor = one_feeling(found)
    for corpus, names in poor.items():
        rest = "" if len(names) < 4 else f" and {len(names) - 3} more"
        reason = (
            f"only one feeling from each of most speakers of {corpus}, so that the network learns "
            "their voices: record the same people well and ill"
        )
        found.mended[reason] += [f"{', '.join(names[:3])}{rest}"]
    good = {clip.corpus for clip in labelled} - set(poor)
    if not good:
        names = [name for speakers_of in poor.values() for name in speakers_of]
        raise ModelError(
            f"wanted speakers who are heard both negative and not; found one feeling only from "
            f"{len(names)} of {len(speakers)} ({', '.join(names[:3])} ...): a network would learn "
            "who speaks, and not how; record the same people well and ill"
        )


def announce(found: Found, effort: Effort, out: Path) -> Iterator[str]:
    """Sizes, before anything is computed."""
    copies, clips = effort.copies + 2, len(found.clips)
    speakers = len({clip.speaker for clip in found.clips})
    yield f"{clips} recordings of {speakers} speakers, each heard down {copies} lines"
    acted = len({clip.corpus for clip in found.clips if clip.label != ORDINARY})
    folds = effort.groups + (acted if effort.corpora and acted > 1 else 0) + 1
    minutes = clips * copies * (_COPY_S + folds * 10 * _PASS_S) / 60
    told = f"{round(minutes)} minutes" if minutes >= 1.5 else "a minute"
    yield f"{folds} trainings; about {told} of one core; {out} is written"
    for table in (found.mended, found.refused):
        for reason, names in sorted(table.items()):
            yield f"note, {reason}: {len(names)} ({', '.join(names[:3])})"
