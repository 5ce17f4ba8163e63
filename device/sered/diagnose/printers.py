"""Shows results to a person: rows that stream, wrap on narrow terminals and need no colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from sered.diagnose.model import Mark
from sered.diagnose.report import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from sered.diagnose.model import Group, Result

_LABELS = {
    Mark.OK: ("ok", "green"),
    Mark.WARN: ("warn", "yellow"),
    Mark.FAIL: ("FAIL", "bold red"),
    Mark.SKIP: ("skip", "dim"),
}


class Page:
    """Results as they come, made into what is printed: headings, rows, skipped ones folded."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self._titles = {group.name: group.title for group in groups}
        self._above: tuple[str, str | None] | None = None
        self._skipped: list[Result] = []

    def add(self, result: Result) -> Iterator[RenderableType]:
        """What can be printed now."""
        here = (result.check.group, result.line)
        held = self._skipped[-1] if self._skipped else None
        if held and (here != self._above or result.found != held.found):
            yield from self.end()
        if here != self._above:
            self._above = here
            title = self._titles[here[0]]
            yield Text(f"{title}: {result.line}" if result.line else title, style="bold")
        if result.mark is Mark.SKIP:
            self._skipped.append(result)
        else:
            yield from self.end()
            yield row(result)

    def end(self) -> Iterator[RenderableType]:
        """What was held back."""
        skipped, self._skipped = self._skipped, []
        if len(skipped) == 1:
            yield row(skipped[0])
        elif skipped:
            label, style = _LABELS[Mark.SKIP]
            names = ", ".join(result.check.id.partition(".")[2] for result in skipped)
            grid = _grid()
            grid.add_row(Text(label, style), Text.assemble(names, (f": {skipped[0].found}", "dim")))
            yield grid


def row(result: Result) -> RenderableType:
    """One result: mark, claim, what was found; below it what to do."""
    label, style = _LABELS[result.mark]
    first, *rest = result.found.splitlines() or [""]
    said = Text.assemble(result.check.claim, (f": {first}" if first else "", "dim"))
    grid = _grid()
    grid.add_row(Text(label, style), said)
    for more in rest:
        grid.add_row("", Text(more))
    if result.hint:
        grid.add_row(Text("do", "cyan"), Text(result.hint))
    return grid


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=6, justify="right")
    grid.add_column(overflow="fold")
    return grid


def closing(results: Sequence[Result], took_s: float) -> Iterator[Text]:
    """What it all comes to."""
    summary = count(results)
    yield Text(
        f"{summary.ok} ok, {summary.warn} warning{'' if summary.warn == 1 else 's'}, "
        f"{summary.fail} failed, {summary.skip} skipped in {took_s:.0f} s."
    )
    failed = [_name(result) for result in results if result.mark is Mark.FAIL]
    if failed:
        yield Text(f"Not in order: {', '.join(failed)}.", "bold red")
    elif kept := [result for result in results if result.blocked]:
        names = ", ".join(_name(result) for result in kept)
        yield Text(f"Not looked at: {names}: {kept[0].found}.", "bold red")
    elif not summary.ok and not summary.warn:
        yield Text("Nothing was looked at, so nothing is known to be in order.", "bold red")
    elif summary.warn:
        warned = [_name(result) for result in results if result.mark is Mark.WARN]
        yield Text(f"In order, but look at: {', '.join(warned)}.", "yellow")
    else:
        yield Text("This box is in order.", "bold green")


def _name(result: Result) -> str:
    return f"{result.check.id} ({result.line})" if result.line else result.check.id


def listing(groups: Sequence[Group]) -> Iterator[RenderableType]:
    """Every check with its claim, for `--list`."""
    for group in groups:
        each = ", once for each line" if group.per_line else ""
        yield Text(f"{group.name}{each}", "bold")
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        for check in group.checks:
            grid.add_row(f"  {check.id.partition('.')[2]}", Text(check.claim))
        yield grid
