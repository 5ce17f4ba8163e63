"""The year of `sered central demo --year`: filled in, and what pages say of it beside its truth."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from sered.central.context import Central
    from sered.central.simulate.year_check import Held


class ToldYear:
    """A year that was filled in."""

    def __init__(self) -> None:
        self._held: list[Held] = []
        self._story: list[str] = []

    @property
    def settings(self) -> str:
        """Lines of the configuration: the year had a hold-out, which ended yesterday."""
        from sered.central.context import utc_now

        until = utc_now().date() - timedelta(days=1)
        return f"[holdout]\nshare = 0.5\nscore_above = -0.75\nuntil = {until}\nplanned = 500\n"

    def fill(self, central: Central) -> None:
        """Fill it in, and ask every page."""
        from sered.central.simulate import year, year_check

        made = year.fill(central)
        self._held = list(year_check.of_story(central, made))
        self._story = [f"{made.calls} calls and {made.cases} cases at {len(made.plans)} sites."]
        for plan in made.plans:
            outside, mark = year_check.days_outside(central, plan.site)
            said = f"{len(outside)} days outside of the limits"
            when = f"upgraded on {mark}" if mark else "not upgraded"
            self._story.append(f"  {plan.site:10}{when}; {said}")

    def table(self) -> None:
        """What the pages say, and what is true."""
        for line in self._story:
            typer.echo(line)
        typer.echo(f"\n{'What pages say':52}{'95 % interval':>18}   truth")
        for each in self._held:
            interval = f"{each.low:+.3f} to {each.high:+.3f}"
            missed = "" if each.covers else "  outside"
            what = f"{each.page}: {each.figure}"
            typer.echo(f"{what:52}{interval:>18}   {each.truth:+.3f}{missed}")
