"""`sered central calibrate`, `export`, `report`, `ring`, `counts`: figures for who has boxes."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sered.cli import options
from sered.cli.central_options import Config, opened
from sered.contract.plain import plain
from sered.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sered.central.insight.calibrate import Calibration, Mode

_Site = Annotated[str, typer.Argument(metavar="SITE", help="Second level of its topics.")]
_Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Where to; without it stdout.")
]


def add_to(app: typer.Typer) -> None:
    """Put the commands into `sered central`."""
    app.command()(calibrate)
    app.command()(export)
    app.command()(report)
    app.command()(ring)
    app.command()(counts)


def calibrate(
    site: _Site,
    capacity: Annotated[
        float | None, typer.Option(min=0.1, help="Calls back a day that the site's team can make.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the lines for sered.toml.")
    ] = None,
    config: Config = None,
    as_json: options.Json = False,
) -> None:
    """Fit a site's odds and threshold to what people said of its verdicts.

    It says what would change, how surely and on how many calls, and changes no box: the lines for
    `sered.toml` carry a digest that boxes report back. Under 100 judged calls it refuses.

    Example: sered central calibrate berlin --capacity 12 --out berlin.toml
    """
    from sered.central.insight.calibrate import calibrate as fitted

    with opened(config) as central:
        found = fitted(central, site, capacity)
        snippet = found.snippet(central.now())
    if as_json:
        told = asdict(found) | {"since": found.since.isoformat(), "snippet": snippet}
        options.print_json(told)
    else:
        _table(found)
        typer.echo(f"\n{snippet}" if snippet else "\nNothing should change.")
    if out is not None and snippet:
        _write(out, [snippet.rstrip()])


def export(
    site: Annotated[
        str | None, typer.Argument(metavar="[SITE]", help="With --labelled: whose calls.")
    ] = None,
    parquet: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Every view of figures as a Parquet file.")
    ] = None,
    labelled: Annotated[
        bool, typer.Option("--labelled", help="Scores by utterance with what people said.")
    ] = False,
    out: _Out = None,
    config: Config = None,
) -> None:
    """Write judged calls of a site for `make fit-verdict`, or all figures as Parquet.

    Judged calls are scores and labels, one call a line: no words, no numbers, no ids. Nothing is
    told of sites under five desks.

    Examples: sered central export berlin --labelled --out berlin.jsonl; sered central export
    --parquet figures/
    """
    from sered.central.insight import shared_views
    from sered.central.insight.export import judged_calls

    if (parquet is None) == (site is None or not labelled):
        msg = "Wanted SITE --labelled for judged calls, or --parquet DIR for figures; one of both."
        raise ConfigError(msg)
    with opened(config) as central:
        if parquet is not None:
            for view, rows in shared_views.to_parquet(central, parquet).items():
                typer.echo(f"{view:24}{rows:8} rows")
            return
        assert site is not None
        _write(out, judged_calls(central, site))


def report(
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as HTML.")] = None,
    pdf: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as PDF.")] = None,
    config: Config = None,
) -> None:
    """Print the week on one page, as it goes out by mail on Mondays ([report] channels).

    Examples: sered central report; sered central report --pdf week.pdf
    """
    from sered.central.insight.weekly import weekly

    with opened(config) as central:
        found = weekly(central)
    if html is not None:
        _write(html, [found.html()])
    if pdf is not None:
        try:
            pdf.write_bytes(found.pdf())
        except OSError as error:
            msg = f"{pdf}: cannot be written ({error.strerror}). Name a file of yours with --pdf."
            raise ConfigError(msg) from None
    typer.echo(found.text(), nl=False)


def ring(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A [[ring]] of central.toml.")],
    config: Config = None,
    as_json: options.Json = False,
) -> None:
    """Say go, wait or stop for giving a ring's new version to the next ring, and why.

    It compares the ring's boxes and calls with those before and with the boxes outside, and changes
    no box. It ends with 0 for go, 1 for wait or stop.

    Example: sered central ring ring-2
    """
    from sered.central.insight.rings import ring as watched

    with opened(config) as central:
        found, advice = watched(central, name)
    if as_json:
        options.print_json(asdict(found) | asdict(advice))
    else:
        # a version is what a box says
        typer.echo(plain(str(advice), most=2000))
    raise typer.Exit(0 if advice.word == "go" else 1)


def counts(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Forget the counts and make them anew first.")
    ] = False,
    config: Config = None,
) -> None:
    """Hold the counts that pages are made of against the rows that they were made of.

    Counts of calls that were deleted since are all that there is, and are kept. It ends with 1
    where a count is wrong.

    Example: sered central counts --rebuild
    """
    from sered.central.insight import keeping

    with opened(config) as central:
        if rebuild:
            keeping.rebuild(central)
        # the calls of the last minute
        keeping.count(central)
        found = keeping.differences(central)
    for said in found:
        typer.echo(said)
    if found:
        typer.echo(f"{len(found)} counts are not those of the rows. Run it with --rebuild.")
        raise typer.Exit(1)
    typer.echo("All counts are those of the rows.")


def _table(found: Calibration) -> None:
    typer.echo(
        f"{found.site}: {found.judged} judged calls since {found.since:%Y-%m-%d}, {found.sampled} "
        f"of them a random sample; judged by {found.versions}."
    )
    typer.echo(f"\n{'judged by':12}{'calls':>6}   odds stated        odds fitted (95 %)")
    for mode in found.modes:
        stated = f"{mode.stated[0]:5.2f} {mode.stated[1]:+.2f}" if mode.stated else "unknown"
        said = mode.why_not
        if mode.fit:
            fit = mode.fit
            said = (
                f"{fit.slope:.2f} ({fit.slope_within[0]:.2f} to {fit.slope_within[1]:.2f}), "
                f"{fit.offset:+.2f} ({fit.offset_within[0]:+.2f} to {fit.offset_within[1]:+.2f}): "
                + _decided(mode)
            )
        typer.echo(f"{mode.mode:12}{mode.judged:6}   {stated:18} {said}")
        if mode.broken:
            typer.echo(f"{'':12}The score tells less than half of what the boxes state: look for "
                       "what broke before you set this.")  # fmt: skip
    if (limit := found.threshold) is not None:
        low, high = limit.within_a_day
        typer.echo(f"\nThreshold {limit.today:.2f}: {limit.said}.")
        typer.echo(f"At {limit.proposed:.2f} {limit.proposed_a_day:.1f} alerts a day "
                   f"({low:.1f} to {high:.1f})" + _right(limit.right) + ".")  # fmt: skip


def _decided(mode: Mode) -> str:
    if mode.chance is None:
        return "new ones"
    if mode.changes:
        return "other ones"
    return f"left alone, {100 * mode.chance:.0f} in 100 such sites look so by chance"


def _right(share: tuple[float, float, float] | None) -> str:
    if share is None:
        return ""
    value, low, high = share
    return f", {100 * value:.0f} % of them right ({100 * low:.0f} to {100 * high:.0f} %)"


def _write(out: Path | None, lines: Iterable[str]) -> None:
    if out is None:
        for line in lines:
            sys.stdout.write(line + "\n")
        return
    try:
        with out.open("w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)
    except OSError as error:
        msg = f"{out}: cannot be written ({error.strerror}). Name a file of yours with --out."
        raise ConfigError(msg) from None
