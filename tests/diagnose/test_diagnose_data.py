"""The checks as data: every fault has a hint, every hint a fault, every need a check."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from string import Formatter
from typing import TYPE_CHECKING

import pytest

from sered.diagnose.groups import GROUPS
from sered.diagnose.live import handset

if TYPE_CHECKING:
    from types import ModuleType

    from sered.diagnose.model import Check, Group

ALL = (*GROUPS, handset.GROUP)
CHECKS = [check for group in ALL for check in group.checks]


def code(check: Check) -> ModuleType:
    return sys.modules[check.run.__module__]


def test_ids_are_unique_and_start_with_their_groups_name() -> None:
    """No two checks share an id, and an id tells its group."""
    ids = [check.id for check in CHECKS]
    assert len(set(ids)) == len(ids)
    for group in ALL:
        for check in group.checks:
            assert check.group == group.name
            assert re.fullmatch(r"[a-z]+\.[a-z_]+", check.id)


@pytest.mark.parametrize("group", ALL, ids=lambda group: group.name)
def test_every_fault_of_a_check_is_one_that_its_code_can_find(group: Group) -> None:
    """A check lists no fault that its code never names, and at least one that it does."""
    for check in group.checks:
        names = {
            node.value
            for node in ast.walk(ast.parse(inspect.getsource(code(check))))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        assert not set(check.failures) & set(check.warnings), check.id
        assert {*check.failures, *check.warnings} <= names
        assert check.failures or check.warnings, f"{check.id} cannot find anything wrong"


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_every_placeholder_of_a_hint_is_one_that_its_code_fills(check: Check) -> None:
    """No hint has a blank that its check leaves open."""
    tree = list(ast.walk(ast.parse(inspect.getsource(code(check)))))
    filled: set[object] = {node.arg for node in tree if isinstance(node, ast.keyword)}
    filled |= {
        key.value
        for node in tree
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant)
    }
    for hint in (*check.failures.values(), *check.warnings.values()):
        assert {name for _, name, _, _ in Formatter().parse(hint) if name} <= filled


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_claims_and_hints_read_as_sentences(check: Check) -> None:
    """Claims are clauses, reasons are sentences, hints say something to do."""
    assert not check.claim.endswith(".")
    assert check.why.endswith(".")
    for name, hint in {**check.failures, **check.warnings}.items():
        assert len(hint) > 10, f"{check.id} {name}: {hint!r} tells nobody what to do"
        assert re.fullmatch(r"[a-z0-9_]+", name)


def test_needs_and_fixes_point_at_things_that_are_there() -> None:
    """A check needs only checks that come before it, and mends only faults that it knows."""
    ids = {check.id for check in CHECKS}
    order = [check.id for check in CHECKS]
    for group in ALL:
        for check in group.checks:
            for need in (*group.needs, *check.needs):
                assert need in ids
                assert order.index(need) < order.index(check.id), "needs come before"
            if check.fix:
                assert set(check.fix.faults) <= {*check.failures, *check.warnings}


def test_deadlines_fit_into_the_whole_run() -> None:
    """Every check has a deadline, and none is longer than the whole run may take."""
    assert all(0 < check.deadline_s <= 25 for check in CHECKS)
