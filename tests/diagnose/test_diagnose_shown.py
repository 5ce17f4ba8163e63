"""What a person and a machine see: rows, narrow terminals, JSON, the manual, exit statuses."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console

from sered.diagnose import groups, manual, printers, runner
from sered.diagnose.model import Check, Context, Group, Mark, Result, fault, ok, skip

pytestmark = pytest.mark.slow


DOCS = Path(__file__).parent.parent.parent / "docs"
Sered = Callable[..., Any]


def check(name: str, **options: Any) -> Check:
    return Check(f"box.{name}", f"the {name} is in order", "why.", lambda _: ok(""), **options)


RESULTS = [
    Result(check("fan"), None, Mark.OK, "1200 turns"),
    Result(check("card"), None, Mark.WARN, "81 % of its life used", "Order a new card.", "worn"),
    Result(
        check("tap"),
        "front",
        Mark.FAIL,
        "nothing but zeros\nfor 5 s",
        "Is the tap's lead in the input, not in the output of the card?",
        "silent",
    ),
    Result(check("hum"), "front", Mark.SKIP, "box.tap failed"),
]


def shown(width: int, results: list[Result], **options: Any) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False, markup=False, **options)
    for result in results:
        console.print(printers.row(result))
    for part in printers.closing(results, 7.4):
        console.print(part)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def test_rows_tell_mark_claim_finding_and_what_to_do() -> None:
    """A row has mark, claim and finding; a fault has its hint below, and a count ends the page."""
    assert shown(80, RESULTS) == (
        "    ok  the fan is in order: 1200 turns\n"
        "  warn  the card is in order: 81 % of its life used\n"
        "    do  Order a new card.\n"
        "  FAIL  the tap is in order: nothing but zeros\n"
        "        for 5 s\n"
        "    do  Is the tap's lead in the input, not in the output of the card?\n"
        "  skip  the hum is in order: box.tap failed\n"
        "1 ok, 1 warning, 1 failed, 1 skipped in 7 s.\n"
        "Not in order: box.tap (front)."
    )


@pytest.mark.parametrize("width", [24, 40, 80, 200])
def test_rows_wrap_inside_a_terminal_of_any_width_and_lose_no_word(width: int) -> None:
    """At every width the same words come in the same order, none outside."""
    text = shown(width, RESULTS)
    assert max(map(len, text.splitlines())) <= width
    assert text.replace("\n", " ").split() == shown(500, RESULTS).split()


def test_colour_is_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Colour needs a terminal and no NO_COLOR."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[1;31m  FAIL" in shown(80, RESULTS, force_terminal=True)
    assert "\x1b" not in shown(80, RESULTS)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[31" not in shown(80, RESULTS, force_terminal=True)
    assert "\x1b[1;31" not in shown(80, RESULTS, force_terminal=True)


def test_a_box_in_order_is_called_so_and_warnings_are_named() -> None:
    """The last line says that the box is in order, or what to look at."""
    assert shown(80, RESULTS[:1]).endswith("This box is in order.")
    assert shown(80, RESULTS[:2]).endswith("In order, but look at: box.card.")


def test_the_manual_and_the_schema_are_as_the_checks_are() -> None:
    """docs/diagnose.md and its schema are what `make docs` writes."""
    for name, make in manual.FILES.items():
        assert (DOCS / name).read_text(encoding="utf-8") == make(), "run `make docs`"


def test_the_manual_has_every_fault_of_every_check() -> None:
    """Each check has a heading in the manual, and each of its faults a row."""
    text = manual.markdown()
    for group in groups.GROUPS:
        for one in group.checks:
            assert f"### {one.id}: {one.claim}" in text
            for name in (*one.failures, *one.warnings):
                assert f"| `{name}` |" in text


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the real groups, which depend on the machine: one that is sick and one not."""
    sick = Check(
        "sick.one", "it holds", "w.", lambda _: fault("bad", "x"), failures={"bad": "mend"}
    )
    well = Check("well.one", "it holds", "w.", lambda _: ok("y"), warnings={"odd": "look at it"})
    idle = Check("well.two", "it holds", "w.", lambda _: skip("nothing here"), warnings={"o": "l"})
    made = (Group("sick", "Sick", (sick,), "a"), Group("well", "Well", (well, idle), "b"))
    monkeypatch.setattr(groups, "GROUPS", made)


@pytest.mark.usefixtures("few")
def test_exit_status_and_rows_of_a_box_with_a_fault(sered: Sered) -> None:
    """A failed check ends the command with status 1, its rows on stdout."""
    ended = sered("diagnose")
    assert ended.status == 1
    assert ended.err == ""
    lines = [line.rstrip() for line in ended.out.splitlines()]
    assert lines[:6] == [
        "Sick",
        "  FAIL  it holds: x",
        "    do  mend",
        "Well",
        "    ok  it holds: y",
        "  skip  it holds: nothing here",
    ]
    assert lines[-1] == "Not in order: sick.one."


@pytest.mark.usefixtures("few")
def test_exit_status_is_0_when_nothing_failed(sered: Sered) -> None:
    """Without the sick group the command ends with status 0."""
    for how in (["--skip", "sick"], ["--only", "well"]):
        ended = sered("diagnose", *how)
        assert ended.status == 0
        assert "Sick" not in ended.out


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("how", [["--only", "nonsense"], ["--skip", "nonsense"], ["--nonsense"]])
def test_exit_status_is_2_for_a_wrong_command_line(sered: Sered, how: list[str]) -> None:
    """A name that no check has ends with status 2 and is quoted."""
    ended = sered("diagnose", *how)
    assert ended.status == 2
    assert "nonsense" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.usefixtures("few")
def test_json_is_as_its_schema_says_with_the_same_exit_status(sered: Sered) -> None:
    """--json is one valid document, and the status is that of the rows."""
    ended = sered("diagnose", "--json")
    document = json.loads(ended.out)
    jsonschema.validate(document, json.loads((DOCS / "diagnose.schema.json").read_text()))
    assert ended.status == 1
    assert document["healthy"] is False
    assert document["summary"] == {"ok": 1, "warn": 0, "fail": 1, "skip": 1}
    assert document["checks"][0]["fault"] == "bad"
    assert document["checks"][0]["hint"] == "mend"


def test_list_names_every_check_and_runs_none(
    sered: Sered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--list shows all ids and examines nothing."""
    monkeypatch.delattr(runner, "run")
    ended = sered("diagnose", "--list")
    assert ended.status == 0
    for group in groups.GROUPS:
        assert group.name in ended.out
        for one in group.checks:
            assert one.id.partition(".")[2] in ended.out


def test_a_broken_configuration_still_gets_the_box_examined(sered: Sered, tmp_path: Path) -> None:
    """With a faulty configuration the box itself is still looked at."""
    path = tmp_path / "sered.toml"
    path.write_text("sitte = 3\n")
    ended = sered("diagnose", "--config", path, "--json")
    checks = {one["id"]: one for one in json.loads(ended.out)["checks"]}
    assert ended.status == 1
    assert "did you mean 'site'" in checks["configuration.reads"]["found"]
    assert checks["system.memory"]["mark"] == "ok"
    assert checks["tap.card"]["found"] == "configuration.reads failed"
    assert checks["broker.name"]["mark"] == "skip"


@pytest.mark.parametrize(
    ("toml", "only", "said"),
    [
        ('sitte = "x"\n', "broker", "the configuration cannot be read (.*sitte"),
        ('sitte = "x"\n', "tap", "the configuration cannot be read"),
        ('site = "x"\n', "service", "Nothing was looked at"),
    ],
)
def test_what_was_not_looked_at_is_not_healthy(
    sered: Sered, tmp_path: Path, toml: str, only: str, said: str
) -> None:
    """A run that could look at nothing ends with 1, says why and calls nothing in order."""
    if only == "service" and Path("/run/systemd/system").is_dir():
        pytest.skip("systemd runs this machine")
    path = tmp_path / "sered.toml"
    path.write_text(toml)
    ended = sered("diagnose", "--only", only, "--config", path)
    assert ended.status == 1
    assert re.search(said.replace("(.*", r"\(.*"), " ".join(ended.out.split())), ended.out
    assert "in order" not in ended.out.replace("known to be in order", "").splitlines()[-1]
    machine = sered("diagnose", "--only", only, "--config", path, "--json")
    assert (machine.status, json.loads(machine.out)["healthy"]) == (1, False)


def test_nothing_of_the_doctor_is_loaded_by_help() -> None:
    """`sered diagnose --help` imports no check."""
    code = (
        "import sys; sys.argv = ['sered', 'diagnose', '--help']\n"
        "from sered.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print([m for m in sys.modules if m.startswith('sered.diagnose.')], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stderr.splitlines()[-1] == "[]"


def test_cheap_checks_run_in_the_callers_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's look at cheap checks starts no process."""
    monkeypatch.delattr(os, "fork")
    results = runner.cheap(groups.GROUPS, Context(None))
    assert {result.check.id for result in results} >= {"system.space", "system.memory"}


def test_skipped_checks_of_one_reason_share_a_row_that_names_them() -> None:
    """Checks skipped for one reason fill one row, whatever comes between."""
    blocked = [Result(check(name), "front", Mark.SKIP, "box.tap failed") for name in "abc"]
    other = Result(check("d"), "front", Mark.SKIP, "nothing to see")
    page = printers.Page([Group("box", "Box", (), "x")])
    out = io.StringIO()
    console = Console(file=out, width=60)
    for result in [*RESULTS[2:3], *blocked, other, RESULTS[0], *blocked]:
        for part in page.add(result):
            console.print(part)
    for part in page.end():
        console.print(part)
    assert [line.rstrip() for line in out.getvalue().splitlines()] == [
        "Box: front",
        "  FAIL  the tap is in order: nothing but zeros",
        "        for 5 s",
        "    do  Is the tap's lead in the input, not in the output of",
        "        the card?",
        "  skip  a, b, c: box.tap failed",
        "  skip  the d is in order: nothing to see",
        "Box",
        "    ok  the fan is in order: 1200 turns",
        "Box: front",
        "  skip  a, b, c: box.tap failed",
    ]


def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "sered.toml"
    path.write_text('site = "oslo"\n[mqtt]\npassword = "sesame"\n')
    path.chmod(0o644)
    return path


def test_fix_shows_what_it_will_do_and_does_nothing_without_consent(
    sered: Sered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A no leaves everything as it was."""
    path = secret_file(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    ended = sered("diagnose", "--config", path, "--only", "configuration", "--fix")
    assert ended.status == 1
    assert "configuration.secrets: take the files' permissions from others" in ended.out
    assert path.stat().st_mode & 0o777 == 0o644


def test_fix_mends_and_examines_again_what_was_mended(sered: Sered, tmp_path: Path) -> None:
    """With --yes a fault is mended, looked at again and gone."""
    path = secret_file(tmp_path)
    ended = sered("diagnose", "--config", path, "--only", "configuration", "--fix", "--yes")
    assert path.stat().st_mode & 0o777 == 0o640
    assert ended.status == 0
    assert "configuration.secrets: done" in ended.out
    assert "Again, what was mended:" in ended.out
    assert "0 failed" in ended.out.splitlines()[-2]


def test_fix_with_json_keeps_stdout_for_the_document(sered: Sered, tmp_path: Path) -> None:
    """What --fix says goes to stderr, the document to stdout, each check once."""
    path = secret_file(tmp_path)
    ended = sered("diagnose", "--config", path, "--only", "configuration", "--fix", "-y", "--json")
    document = json.loads(ended.out)
    assert document["healthy"] is True
    assert "done" in ended.err
    assert len({one["id"] for one in document["checks"]}) == len(document["checks"])
