"""Records of exchanges, however they come: files, pushed events, Asterisk's manager."""

from __future__ import annotations

import socket
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from broker import wait_until
from central_stage import map_line
from sered.central.callers import ami, csv_folder, cti
from sered.central.errors import InputError
from sered.central.store import tables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from central_stage import Clock
    from sered.central.context import Central

ASTERISK = (
    '"","+4930111","{to}","from-trunk","""x"" <+4930111>","PJSIP/trunk-1","PJSIP/201-2","Dial","",'
    '"2026-03-04 10:00:00","2026-03-04 10:00:05","2026-03-04 10:03:05",185,180,"ANSWERED",'
    '"DOCUMENTATION","1772.{n}",""'
)
FREESWITCH = (
    '"x","030111","201","default","2026-03-04 10:00:00","2026-03-04 10:00:05",'
    '"2026-03-04 10:03:05","185","180","NORMAL_CLEARING","uuid-{n}","",""'
)
CUCM = (
    '"cdrRecordType","globalCallID_callManagerId","globalCallID_callId","origLegCallIdentifier",'
    '"dateTimeOrigination","callingPartyNumber","originalCalledPartyNumber",'
    '"finalCalledPartyNumber","dateTimeConnect","dateTimeDisconnect"\n'
    "INTEGER,INTEGER,INTEGER,INTEGER,INTEGER,VARCHAR,VARCHAR,VARCHAR,INTEGER,INTEGER\n"
    '1,1,77,5,1772618400,"+4930111","200","201",1772618405,1772618585'
)
THREE_CX = (
    "Id{n},C1,00:03:00,2026/03/04 10:00:00,2026/03/04 10:00:05,2026/03/04 10:03:05,src,"
    "+4930111,Ext.201,,201,+4930111,,201,201,,,,,"
)


@pytest.mark.parametrize(
    ("mapping", "text"),
    [
        ("asterisk", ASTERISK.format(to="201", n=1)),
        ("freeswitch", FREESWITCH.format(n=1)),
        ("cucm", CUCM),
        ("3cx", THREE_CX.format(n=1)),
    ],
)
def test_each_exchange_s_file_is_read(
    make_central: Callable[..., Central], tmp_path: Path, mapping: str, text: str
) -> None:
    """A file as each of the four exchanges writes it gives the desk's call, once."""
    central = _with_folder(make_central, tmp_path, mapping=mapping, country="49")
    (tmp_path / "cdr" / "Master.csv").write_text(text + "\n")
    assert csv_folder.look(central) == 1
    assert csv_folder.look(central) == 0
    with central.store.reading() as connection:
        (row,) = connection.execute(select(tables.pbx_call)).all()
    assert (row.extension, row.direction) == ("201", "in")
    assert row.answered == datetime(2026, 3, 4, 10, 0, 5, tzinfo=UTC)
    assert row.ended - row.answered == timedelta(minutes=3)
    number = central.vault.open(row.number_enc, f"pbx:{row.pbx_id}")
    assert number == ("+4930111")
    assert b"30111" not in row.number_enc


def test_a_file_that_grows_is_read_on(make_central: Callable[..., Central], tmp_path: Path) -> None:
    """Rows that are appended come once each; half a row waits for its end."""
    central = _with_folder(make_central, tmp_path)
    file = tmp_path / "cdr" / "Master.csv"
    first, second = (ASTERISK.format(to="201", n=n) + "\n" for n in (1, 2))
    file.write_text(first + second[:40])
    assert csv_folder.look(central) == 1
    file.write_text(first + second)
    assert csv_folder.look(central) == 1


def test_a_file_of_another_exchange_is_named(
    make_central: Callable[..., Central], tmp_path: Path
) -> None:
    """Its fault is one sentence, nothing of it is stored, and others are read all the same."""
    central = _with_folder(make_central, tmp_path)
    (tmp_path / "cdr" / "a.csv").write_text(CUCM + "\n")
    (tmp_path / "cdr" / "b.csv").write_text(ASTERISK.format(to="201", n=1) + "\n")
    assert csv_folder.look(central) == 1
    with central.store.reading() as connection:
        query = select(tables.pbx_file.c.fault).where(tables.pbx_file.c.name == "a.csv")
        fault = connection.scalar(query)
    assert fault
    assert "Is [pbx] mapping right?" in fault


@pytest.mark.parametrize(
    "row",
    [
        pytest.param('1,"' + "x" * 200_000, id="a quotation mark that never ends"),
        pytest.param(
            ASTERISK.format(to="201", n=3).replace("2026-03-04 10", "0001-01-01 00"),
            id="no such year",
        ),
        pytest.param("\x00\x01\ufffd" * 50, id="no text"),
    ],
)
def test_a_row_that_is_none_is_named_and_the_others_come(
    make_central: Callable[..., Central], tmp_path: Path, row: str
) -> None:
    """Whatever a row is, the file's others are taken in and its fault is a sentence."""
    central = _with_folder(make_central, tmp_path, tz="Europe/Berlin")
    good = [ASTERISK.format(to="201", n=n) for n in (1, 2)]
    (tmp_path / "cdr" / "Master.csv").write_text("\n".join([good[0], row, good[1], ""]))
    assert csv_folder.look(central) == 2
    assert "Row 2: wanted" in _fault(central)


def test_a_file_without_rows_is_named(make_central: Callable[..., Central], tmp_path: Path) -> None:
    """A file with no end of a row in megabytes is not read again and again, and is named."""
    central = _with_folder(make_central, tmp_path)
    (tmp_path / "cdr" / "sound.raw").write_bytes(b"x" * 5_000_000)
    assert csv_folder.look(central) == 0
    assert "Is this a file of call records?" in _fault(central)


def _fault(central: Central) -> str:
    with central.store.reading() as connection:
        return connection.scalar(select(tables.pbx_file.c.fault)) or ""


def test_pushed_events_make_a_record(central: Central, clock: Clock) -> None:
    """newCall, answer and hangup give one record; a call of nobody's desk gives none."""
    map_line(central)
    cti.take(central, {"event": "newCall", "callId": "7", "from": "+4930111", "to": "201"})
    clock.move(5)
    cti.take(central, {"event": "answer", "callId": "7"})
    clock.move(60)
    cti.take(central, {"event": "hangup", "callId": "7"})
    cti.take(central, {"event": "newCall", "callId": "8", "from": "+4930111", "to": "999"})
    with central.store.reading() as connection:
        (row,) = connection.execute(select(tables.pbx_call)).all()
    assert (row.ended - row.answered).total_seconds() == 60
    for wrong in ({}, {"event": "newCall", "callId": "9"}, {"event": "x", "callId": "1"}):
        with pytest.raises(InputError, match="Wanted"):
            cti.take(central, wrong)


def test_the_manager_interface_is_listened_to(
    make_central: Callable[..., Central], clock: Clock
) -> None:
    """A manager that speaks Asterisk's protocol is logged in to, and its Cdr event stored."""
    server = socket.create_server(("127.0.0.1", 0))
    pbx = {"ami_host": "127.0.0.1", "ami_port": server.getsockname()[1], "ami_username": "sered"}
    central = make_central(pbx=pbx)
    map_line(central)
    got: list[bytes] = []

    def manager() -> None:
        peer, _ = server.accept()
        got.append(peer.recv(4096))
        peer.sendall(b"Asterisk Call Manager/7.0.3\r\nResponse: Success\r\n\r\n")
        peer.sendall(
            b"Event: Cdr\r\nSource: +4930111\r\nDestination: 201\r\nUniqueID: 1.2\r\n"
            b"StartTime: 2026-03-04 10:00:00\r\nAnswerTime: 2026-03-04 10:00:05\r\n"
            b"EndTime: 2026-03-04 10:03:05\r\n\r\n"
        )

    stop = threading.Event()
    threads = [
        threading.Thread(target=manager),
        threading.Thread(target=ami.run, args=(central, stop)),
    ]
    for thread in threads:
        thread.start()

    def stored() -> list[Any]:
        with central.store.reading() as connection:
            return list(connection.scalars(select(tables.pbx_call.c.extension)))

    wait_until(lambda: stored() == ["201"], what="the record")
    stop.set()
    for thread in threads:
        thread.join()
    server.close()
    assert b"Action: Login\r\nUsername: sered\r\n" in got[0]


def _with_folder(make_central: Callable[..., Central], tmp_path: Path, **pbx: Any) -> Central:
    folder = tmp_path / "cdr"
    folder.mkdir(exist_ok=True)
    central = make_central(pbx={"folder": str(folder), **pbx})
    map_line(central)
    return central
