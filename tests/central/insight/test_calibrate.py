"""Calibration from feedback: it mends what is off and leaves alone what is good."""

from __future__ import annotations

import json
import random
import tomllib
import zlib
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, select

from bench.verdict_fits import site_rows
from central_stage import CONFIGURATION, KEY, Clock
from sered import config
from sered.central.context import Central
from sered.central.errors import InputError
from sered.central.insight import odds
from sered.central.insight.calibrate import SURE, calibrate
from sered.central.insight.export import judged_calls
from sered.central.settings import CentralSettings
from sered.central.simulate import year, year_truth
from sered.central.simulate.year_truth import Plan
from sered.central.store import migrate
from sered.central.store.engine import Store
from sered.central.store.tables import call, call_report
from sered.central.vault import Vault
from sered.verdict.decision import NEGATIVE, negative_odds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sered.settings import Settings

# the quarter is filled once: its tests stay together
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("calibrate")]
PLANS = (
    Plan("berlin", calls_a_day=25.0),
    Plan("koeln", calls_a_day=25.0, threshold=-0.2),
    Plan("leipzig", calls_a_day=25.0, shifted=-1.5),
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Central]:
    """Four months of a good, a loose and a mis-calibrated site, all with one version."""
    folder: Path = tmp_path_factory.mktemp("year")
    store = Store(f"sqlite:///{folder}/year.db")
    migrate.upgrade(store)
    central = Central(CentralSettings.model_validate(CONFIGURATION), store, Vault(KEY), Clock())
    year.fill(central, 3, PLANS, 100)
    with central.store.writing() as connection:
        connection.execute(call.update().values(versions=year_truth.BEFORE))
    yield central
    store.close()


def test_a_good_site_is_left_alone(filled: Central) -> None:
    """Odds that chance may have moved stay, the true ones lie in the interval; a threshold stays
    whose alerts are about as many as can be called.
    """
    alerts = PLANS[0].alerts_a_day
    found = calibrate(filled, "berlin", capacity=alerts)
    both = next(m for m in found.modes if m.mode == "both")
    assert both.stated == pytest.approx((year_truth.SLOPE, year_truth.stated()), abs=0.01)
    assert both.fit is not None
    assert both.fit.slope_within[0] < year_truth.SLOPE < both.fit.slope_within[1]
    assert not both.changes
    assert found.threshold is not None
    assert found.threshold.today == pytest.approx(-0.55)
    assert found.changes == {}
    assert found.snippet(filled.now()) == ""


def test_a_mis_calibrated_site_is_mended(filled: Central) -> None:
    """The fitted odds say of alerts what is true there, far better than those of before."""
    found = calibrate(filled, "leipzig")
    both = next(m for m in found.modes if m.mode == "both")
    assert both.changes
    assert both.fit is not None
    for score in (-0.9, -0.7, -0.55):
        truth = PLANS[2].world.unhappy(score)
        assert both.fit.p(score) == pytest.approx(truth, abs=0.15)
        assert abs(both.fit.p(score) - truth) < abs(year_truth.box_odds(score) - truth)


def test_odds_are_changed_as_seldom_as_said() -> None:
    """Of good sites after four weeks, when one or two of the random sample were unhappy, hardly
    more than one in a hundred has its odds changed; of sites that are off by 1.5 half have, and
    nearly all after a year.
    """
    rng = random.Random(7)
    good, off = year_truth.World(year_truth.stated()), year_truth.World(year_truth.stated() - 1.5)
    odds_stated = (year_truth.SLOPE, year_truth.stated())

    def changed(world: year_truth.World, weeks: int) -> bool:
        judged = []
        for _ in range(weeks * 280):
            score = world.draw(rng)
            alert = score <= year_truth.ESCALATE
            if rng.random() < (0.8 if alert else 0.065):
                felt = rng.random() < world.unhappy(score)
                judged.append(odds.Judged(score, felt, 1.25 if alert else 1 / 0.065))
        return odds.chance(judged, odds_stated) < SURE

    assert sum(changed(good, 4) for _ in range(300)) <= 12
    assert sum(changed(off, 4) for _ in range(40)) >= 20
    assert sum(changed(off, 26) for _ in range(20)) >= 18


def test_the_threshold_meets_the_capacity(filled: Central) -> None:
    """Too loose a threshold becomes stricter, to about as many alerts a day as can be called."""
    found = calibrate(filled, "koeln", capacity=2.0)
    limit = found.threshold
    assert limit is not None
    assert limit.today == pytest.approx(-0.2)
    assert limit.alerts_a_day == pytest.approx(PLANS[1].alerts_a_day, rel=0.2)
    assert limit.proposed_a_day == pytest.approx(2.0, abs=0.1)
    assert limit.right is not None
    truth = PLANS[1].world.share(-1.0, limit.proposed)
    assert limit.right[1] < truth < limit.right[2]


def test_a_box_takes_the_snippet_and_reports_its_digest(filled: Central, tmp_path: Path) -> None:
    """The lines are a configuration as they stand, with a digest that follows from them."""
    found = calibrate(filled, "leipzig", capacity=1.0)
    snippet = found.snippet(filled.now())
    path = tmp_path / "sered.toml"
    path.write_text(f'site = "leipzig"\ndevice = "desk1"\n{snippet}')
    settings: Settings = config.load(path)
    assert settings.verdict.calibration.startswith("fit-")
    assert negative_odds(settings.verdict, "both") == tuple(found.changes["odds_both"])  # type: ignore[arg-type]  # a pair
    assert negative_odds(settings.verdict, "audio") == NEGATIVE["audio"]
    assert settings.verdict.escalate_below == found.changes["escalate_below"]
    again = calibrate(filled, "leipzig", 1.0).snippet(filled.now())
    assert tomllib.loads(snippet) == tomllib.loads(again)


def test_little_feedback_is_refused(filled: Central) -> None:
    """Under a hundred judged calls of what judges now nothing is fitted, and it says so."""
    with pytest.raises(InputError, match="No call of a site nowhere"):
        calibrate(filled, "nowhere")
    with filled.store.writing() as connection:
        newest = select(call.c.call_id).where(call.c.site == "berlin")
        key = connection.scalar(newest.order_by(call.c.ended_at.desc()).limit(1))
        connection.execute(call.update().where(call.c.call_id == key).values(versions="9 x y z"))
    with pytest.raises(InputError, match=r"wanted at least 100 judged calls .* found [01]\."):
        calibrate(filled, "berlin")
    with filled.store.writing() as connection:
        back = call.update().where(call.c.call_id == key)
        connection.execute(back.values(versions=year_truth.BEFORE))


def test_the_export_has_scores_and_labels_alone(filled: Central, tmp_path: Path) -> None:
    """Utterances with scores, never words, numbers or ids; fitting the verdict reads it."""
    said = {
        "utterances": [{"offset_s": 1.0, "duration_s": 2.0, "score": -0.5, "words": "my secret"}],
        "transcript": "my secret",
    }
    with filled.store.writing() as connection:
        keys = list(connection.scalars(select(call.c.call_id).where(call.c.site == "leipzig")))
        packed = zlib.compress(json.dumps(said).encode())
        connection.execute(insert(call_report), [{"call_id": key, "z": packed} for key in keys])
    lines = list(judged_calls(filled, "leipzig"))
    text = "\n".join(lines)
    assert "secret" not in text
    assert not any(key in text for key in keys)
    first = json.loads(lines[0])
    assert first["utterances"][0]["score"] == -0.5
    assert set(first["utterances"][0]) == {
        "offset_s", "duration_s", "emotion", "acoustic", "verbal", "score", "agitation",
    }  # fmt: skip
    path = tmp_path / "leipzig.jsonl"
    path.write_text(text)
    row = next(line for line in site_rows(path) if line.startswith("| both"))
    found = next(m for m in calibrate(filled, "leipzig").modes if m.mode == "both")
    assert found.fit is not None
    assert float(row.split("|")[3].split(",")[0]) == pytest.approx(found.fit.slope, abs=0.05)
    with pytest.raises(InputError, match="five desks"):
        list(judged_calls(filled, "tiny"))


def test_weights_undo_a_draw() -> None:
    """Calls drawn by their feeling are counted back: the fit's intervals hold the true odds."""
    rng = random.Random(4)
    judged = []
    for _ in range(6000):
        score = rng.uniform(-0.95, 0.6)
        unhappy = rng.random() < 1 / (1 + 2.718281828 ** (4.0 * odds.drive(score) + 1.0))
        p = 0.8 if unhappy else 0.2
        if rng.random() < p:
            judged.append(odds.Judged(score, unhappy, 1 / p))
    found = odds.fit(judged)
    assert found is not None
    assert found.slope_within[0] < 4.0 < found.slope_within[1]
    assert found.offset_within[0] < -1.0 < found.offset_within[1]
    assert odds.fit([odds.Judged(-0.5, unhappy=True, weight=1.0)] * 5) is None
