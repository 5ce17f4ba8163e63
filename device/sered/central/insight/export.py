"""Judged calls for whoever fits the verdict: scores and labels, never words, numbers or ids."""

from __future__ import annotations

import json
import zlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from sered.central.errors import InputError
from sered.central.insight.groups import SMALL, Desks
from sered.central.insight.labelled import labelled
from sered.central.insight.told import OTHERS
from sered.central.store.tables import call_report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sered.central.context import Central

_DAYS = 365
_AT_ONCE = 200
UTTERANCE = ("offset_s", "duration_s", "emotion", "acoustic", "verbal", "score", "agitation")
"""What is told of an utterance."""


def judged_calls(central: Central, site: str) -> Iterator[str]:
    """A line of JSON for each judged call of the last year; raises InputError for small sites.

    `label` is whether the customer was unhappy, `weight` how many calls this one stands for.
    """
    since = central.now() - timedelta(days=_DAYS)
    with central.store.reading() as connection:
        desks = Desks(connection, since)
        enough, named = desks.enough(site), desks.versions(connection)
    if not enough:
        msg = f"{site}: nothing is told of {SMALL}."
        raise InputError(msg)
    found = labelled(central, site, since)
    # by their time whoever knows when a desk was on the phone would know whose each of them is
    found.sort(key=lambda one: central.vault.mark(one.call_id))
    for begin in range(0, len(found), _AT_ONCE):
        some = found[begin : begin + _AT_ONCE]
        keys = [one.call_id for one in some]
        query = select(call_report).where(call_report.c.call_id.in_(keys))
        with central.store.reading() as connection:
            packed = {row.call_id: row.z for row in connection.execute(query)}
        for one in some:
            yield json.dumps(
                {
                    "schema": "sered.labelled/1",
                    "mode": one.mode,
                    "versions": named.get((site, one.versions), OTHERS),
                    "score": round(one.judged.score, 4),
                    "label": one.judged.unhappy,
                    "weight": round(one.judged.weight, 4),
                    "sampled": one.sampled,
                    "utterances": _utterances(packed.get(one.call_id)),
                }
            )


def _utterances(packed: bytes | None) -> list[dict[str, Any]]:
    if packed is None:
        return []
    said = json.loads(zlib.decompress(packed)).get("utterances") or []
    return [{name: each.get(name) for name in UTTERANCE} for each in said]
