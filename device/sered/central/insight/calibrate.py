"""From feedback to the odds and the threshold of a site's boxes: what would change, and how surely.

Central never writes to a box: what comes out is a snippet for `sered.toml` with a digest that the
box reports back in its versions, so that before and after can be compared under "Is it right?".
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from sered.central.errors import InputError
from sered.central.insight import odds
from sered.central.insight.figures import share
from sered.central.insight.groups import SMALL, Desks
from sered.central.insight.labelled import judging, labelled
from sered.central.store.tables import call

if TYPE_CHECKING:
    from datetime import datetime

    from sered.central.context import Central
    from sered.central.insight.labelled import Labelled

FEWEST, FEWEST_WRONG = 100, 30
"""Judged calls under which nothing is fitted, and how many of them must have been wrong."""
SURE = 0.01
"""Odds are left alone unless chance would put the fit so far off in less than one of a hundred."""
WORTH = 0.5
"""A looser threshold lets no call in that is less probably unhappy than this."""
_KEYS = {"audio": "odds_voice", "text": "odds_words", "both": "odds_both"}
_DAYS = 365


@dataclass(frozen=True, slots=True)
class Mode:
    """What came of one way of judging."""

    mode: str
    judged: int
    wrong: int
    stated: tuple[float, float] | None
    """Odds that the boxes state today."""
    fit: odds.Fit | None
    chance: float | None
    """How probable it is that chance alone puts the fit so far from them."""
    why_not: str = ""

    @property
    def changes(self) -> bool:
        """Whether other odds should be set."""
        return self.fit is not None and (self.chance is None or self.chance < SURE)

    @property
    def broken(self) -> bool:
        """Whether the score tells less than half of what the boxes state."""
        if not self.changes or self.fit is None or self.stated is None:
            return False
        return self.fit.slope_within[1] < self.stated[0] / 2


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where the threshold lies, and where it should."""

    today: float
    alerts_a_day: float
    proposed: float
    proposed_a_day: float
    within_a_day: tuple[float, float]
    """95 % interval of the alerts a day at the proposed one (Wilson)."""
    right: tuple[float, float, float] | None
    """How many of those alerts would be right, with its interval."""
    said: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """What central would set at one site."""

    site: str
    versions: str
    since: datetime
    judged: int
    sampled: int
    modes: tuple[Mode, ...]
    threshold: Threshold | None

    @property
    def changes(self) -> dict[str, list[float] | float]:
        """Keys of `[verdict]` that should be other ones."""
        out: dict[str, list[float] | float] = {}
        if self.threshold and self.threshold.proposed != self.threshold.today:
            out["escalate_below"] = self.threshold.proposed
        for mode in self.modes:
            if mode.changes and mode.fit:
                out[_KEYS[mode.mode]] = [round(mode.fit.slope, 2), round(mode.fit.offset, 2)]
        return out

    def snippet(self, day: datetime) -> str:
        """The lines for `sered.toml`; empty where nothing should change."""
        changes = self.changes
        if not changes:
            return ""
        lines = [f"{name} = {value}" for name, value in sorted(changes.items())]
        digest = hashlib.sha256("\n".join([self.site, *lines]).encode()).hexdigest()[:10]
        head = f"# sered central calibrate, site {self.site}, {day:%Y-%m-%d}"
        said = f"# from {self.judged} judged calls, {self.sampled} of them a random sample"
        return "\n".join([head, said, "[verdict]", *lines, f'calibration = "fit-{digest}"', ""])


def calibrate(central: Central, site: str, capacity: float | None = None) -> Calibration:
    """Fit a site's odds, and its threshold to so many calls back a day. Raises InputError.

    Only calls that were judged by what judges there now are used: what another network said tells
    nothing of this one.
    """
    since = central.now() - timedelta(days=_DAYS)
    with central.store.reading() as connection:
        newest = select(call.c.versions).where(call.c.site == site)
        versions = connection.scalar(newest.order_by(call.c.ended_at.desc()).limit(1))
        small = not Desks(connection, since).enough(site)
    if versions is None:
        msg = f"No call of a site {site} is known."
        raise InputError(msg)
    if small:
        msg = f"{site}: nothing is told of {SMALL}."
        raise InputError(msg)
    found = [
        one for one in labelled(central, site, since)
        if judging(one.versions) == judging(versions)
    ]  # fmt: skip
    if len(found) < FEWEST:
        msg = (
            f"{site}: wanted at least {FEWEST} judged calls of what judges there now "
            f"({judging(versions)}), found {len(found)}. Say right or wrong when cases are closed, "
            "and make the courtesy calls ([courtesy] calls_a_week)."
        )
        raise InputError(msg)
    rows = _calls(central, site, versions, since)
    modes = tuple(_mode(mode, [one for one in found if one.mode == mode], rows) for mode in _KEYS)
    best = max((m for m in modes if m.fit), key=lambda m: m.judged, default=None)
    sampled = sum(one.sampled for one in found)
    threshold = None
    if capacity is not None:
        threshold = _threshold(rows, capacity, best.fit if best else None, sampled)
    first = min(at for at, *_ in rows)
    return Calibration(site, judging(versions), first, len(found), sampled, modes, threshold)


Row = tuple["datetime", str, float, float | None, bool]
"""When it ended, mode, score, P(negative) as stated, and whether it was an alert."""


def _calls(central: Central, site: str, versions: str, since: datetime) -> list[Row]:
    columns = (call.c.ended_at, call.c.mode, call.c.score, call.c.p_negative, call.c.escalate)
    mine = (call.c.site == site) & (call.c.ended_at >= since) & call.c.score.is_not(None)
    if " " in versions:
        # sered's own version may be any
        mine &= func.substr(call.c.versions, func.length(call.c.versions) - len(judging(versions))
                            + 1) == judging(versions)  # fmt: skip
    else:
        mine &= call.c.versions == versions
    with central.store.reading() as connection:
        return [tuple(row) for row in connection.execute(select(*columns).where(mine))]


def _mode(mode: str, found: list[Labelled], rows: list[Row]) -> Mode:
    judged = [one.judged for one in found]
    wrong = sum(not one.unhappy for one in judged)
    pairs = [(score, p) for _, of, score, p, _ in rows if of == mode and p is not None]
    stated = odds.stated(pairs)
    if len(judged) < FEWEST or wrong < FEWEST_WRONG:
        why = (
            f"wanted {FEWEST} judged calls, {FEWEST_WRONG} of them of contented customers;"
            f" {wrong} were"
        )
        return Mode(mode, len(judged), wrong, stated, None, None, why)
    fit = odds.fit(judged)
    if fit is None or fit.slope <= 0:
        return Mode(mode, len(judged), wrong, stated, None, None, "the score tells nothing here")
    chance = odds.chance(judged, stated) if stated else None
    return Mode(mode, len(judged), wrong, stated, fit, chance)


def _between(highest: float, lowest: float) -> float:
    """The roundest threshold that the highest alert meets and the lowest other call does not."""
    for parts in (20, 100):
        found = math.ceil(highest * parts - 1e-9) / parts
        if found < lowest:
            return found
    return round(highest, 4)


def _threshold(
    rows: list[Row], capacity: float, fit: odds.Fit | None, sampled: int
) -> Threshold | None:
    """The loosest that the capacity allows; looser than today's only by the random sample."""
    alerts = sorted(score for _, _, score, _, escalate in rows if escalate)
    if not alerts:
        return None
    days = max((max(r[0] for r in rows) - min(r[0] for r in rows)).total_seconds() / 86_400, 1.0)
    today = _between(alerts[-1], min((s for _, _, s, _, up in rows if not up), default=0.0))
    scores = sorted(score for _, _, score, _, _ in rows)
    place = int(capacity * days)
    reached = scores[place - 1] if 0 < place <= len(scores) else scores[-1]
    wanted = math.floor(reached * 100) / 100
    said = f"{len(alerts) / days:.1f} alerts a day for {capacity:g} calls back"
    proposed = today
    now = share(len(alerts), len(scores))
    a_day = len(scores) / days
    if now.low * a_day <= capacity <= now.high * a_day:
        # what chance moves from one month to the next is no reason for another threshold
        said += f": fits ({now.low * a_day:.1f} to {now.high * a_day:.1f} by chance)"
    elif wanted < today:
        proposed, said = wanted, said + ": stricter"
    elif sampled < FEWEST or fit is None:
        said += f": not looser without {FEWEST} courtesy calls"
    else:
        while proposed + 0.01 <= wanted and fit.p(proposed + 0.01) >= WORTH:
            proposed = round(proposed + 0.01, 2)
        said += ": looser" if proposed > today else ": fits"
    under = [score for score in scores if score <= proposed]
    low, high = share(len(under), len(scores)).low, share(len(under), len(scores)).high
    right = fit.mean(under) if fit and under else None
    return Threshold(
        today, len(alerts) / days, proposed, len(under) / days, (low * a_day, high * a_day),
        right, said,
    )  # fmt: skip
