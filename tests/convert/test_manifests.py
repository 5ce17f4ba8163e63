"""Own recordings: what is said before a training starts, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from convert.choose import never_met, open_is_default
from convert.corpora import Clip, Found
from convert.train import each, main
from convert.workshop import QUICK, Effort, filled_up

from convert import manifests
from sered.errors import ModelError


def found(speakers: int, labels: tuple[str, ...], corpus: str = "own") -> Found:
    """Every speaker with every label, five times."""
    return Found(
        [
            Clip(Path(f"{who}-{label}-{take}"), corpus, f"{corpus}/{who}", label)
            for who in range(speakers)
            for label in labels
            for take in range(5)
        ]
    )


@pytest.mark.parametrize(
    "labels",
    [("angry", "neutral"), ("negative", "not negative"), ("negative", "neutral", "positive")],
)
def test_eight_speakers_of_any_labels_are_enough(labels: tuple[str, ...]) -> None:
    """Seven classes, three or two."""
    manifests.check(found(8, labels))


def test_too_few_speakers_are_refused_with_their_number() -> None:
    """With seven nobody could be held out sensibly."""
    with pytest.raises(ModelError, match=r"60 labelled .* 8 speakers or more; found 70 of 7"):
        manifests.check(found(7, ("angry", "neutral")))


def test_few_recordings_are_refused_before_the_work() -> None:
    """Of 32 neither int8's ranges nor who is held out would say anything."""
    half = [clip for clip in found(8, ("angry", "neutral")).clips if clip.path.name[-1] in "01"]
    with pytest.raises(ModelError, match=r"wanted 60 labelled .*found 32 of 8"):
        manifests.check(Found(half))


def test_few_held_out_recordings_are_filled_up_for_int8() -> None:
    """Two dozen unseen clips become fifty by some that were trained on; many stay as they are."""
    few, many, met = np.arange(24), np.arange(80), np.arange(100, 200)
    assert filled_up(few, met).tolist() == [*range(24), *range(100, 126)]
    assert filled_up(many, met).tolist() == [*range(80)]


def test_one_side_alone_is_refused() -> None:
    """Angry and sad voices and no others teach nothing of what is not negative."""
    with pytest.raises(ModelError, match="80, all of them negative"):
        manifests.check(found(8, ("angry", "sad")))


def one_mood_each() -> Found:
    """Sixteen speakers, each always negative or never."""
    bad, good = found(8, ("angry",), "calls"), found(8, ("neutral",), "calls")
    moved = [Clip(c.path, c.corpus, f"{c.speaker}b", c.label) for c in good.clips]
    return Found([*bad.clips, *moved])


def test_speakers_with_one_feeling_each_are_refused_by_name() -> None:
    """A network would learn who speaks; the sentence names some of them."""
    with pytest.raises(ModelError, match=r"one feeling only from 16 of 16 \(calls/0"):
        manifests.check(one_mood_each())


def test_a_manifest_with_one_feeling_each_is_named_beside_good_ones() -> None:
    """Where other recordings can be learned from, training goes on and says which teach voices."""
    both = Found([*one_mood_each().clips, *found(8, ("angry", "happy"), "acted").clips])
    manifests.check(both)
    (said,) = [line for line in manifests.announce(both, Effort(), Path("x")) if "calls" in line]
    assert "only one feeling" in said
    assert "acted" not in said


def test_ordinary_speech_is_no_feeling_of_its_speaker() -> None:
    """Callers of whom nothing is known are not held against a manifest."""
    both = Found([*found(8, ("angry", "happy")).clips, *found(9, ("ordinary",), "callers").clips])
    manifests.check(both)
    assert not both.mended


def test_sizes_are_said_before_anything_is_computed() -> None:
    """Recordings, speakers, lines, trainings, minutes and the file; quick is quicker."""
    whole, quick = (
        list(manifests.announce(found(8, ("angry", "happy")), effort, Path("out.tflite")))
        for effort in (Effort(), QUICK)
    )
    assert whole[0].startswith("80 recordings of 8 speakers, each heard down 5 lines")
    assert "out.tflite is written" in whole[1]
    assert quick[0].endswith("3 lines")


@pytest.mark.parametrize("more", [["--manifest", "calls.csv"], ["--quick"]])
@pytest.mark.parametrize("out", ["models/emotion.tflite", "models"])
def test_the_shipped_network_is_never_written_over(more: list[str], out: str) -> None:
    """A network of one's own, or a quick one, is refused where the shipped ones lie."""
    with pytest.raises(SystemExit, match="No model: wanted a place of its own"):
        main([*more, "--out", out])


def test_a_manifest_alone_is_read_alone(tmp_path: Path) -> None:
    """Without any corpus the manifest is all there is, and what is wrong with it is told."""
    (tmp_path / "calls.csv").write_text("path,speaker,label\na.wav,one,angry\n")
    with pytest.raises(SystemExit, match=r"found 0 of 0\. not used, no such file: 1 \(a\.wav\)"):
        main([
            "--corpora", str(tmp_path / "none"), "--callers", str(tmp_path / "none.csv"),
            "--manifest", str(tmp_path / "calls.csv"), "--work", str(tmp_path / "work"),
        ])  # fmt: skip


def networks(full: float, opened: float) -> dict[str, tuple[float, float]]:
    """The two means on RAVDESS; CREMA-D, which the open one has met, does not count."""

    def row(value: float) -> dict[str, object]:
        return {"telephone": {m: {"value": value} for m in ("negative_uar", "negative_auc")}}

    figures = [
        {"protocols": {"corpus ravdess": row(value), "corpus crema-d": row(other)}}
        for value, other in ((full, 0.9), (opened, 0.1))
    ]
    return never_met(*figures)


@pytest.mark.parametrize(("opened", "chosen"), [(0.66, True), (0.7, True), (0.64, False)])
def test_the_open_network_is_the_default_if_it_is_nearly_as_good(
    opened: float, chosen: bool
) -> None:
    """Within three points on corpora that neither has met."""
    assert open_is_default(networks(0.68, opened)) is chosen


def test_few_clips_are_all_compared() -> None:
    """Every so-manieth of many, each of 200 or fewer: a small manifest is converted, too."""
    assert [each(clips, 24) for clips in (15_397, 2_400, 200, 80)] == [24, 12, 1, 1]
