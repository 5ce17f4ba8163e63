"""The words of the contract are those that the code says, and the docs list all of them."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, get_args

from project import ROOT
from sered.contract.vocabulary import ENDINGS, NOTES, REASONS, UNDETERMINED
from sered.delivery.spool_mending import StateName
from sered.records import EndReason
from sered.tap.sound_faults import _ADVICE
from sered.verdict import decision
from sered.verdict.causes import CAUSES

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = ROOT / "device" / "sered"
SAY_REASONS = {"DeviceError", "BrokerError", "UnansweredError", "_CannotOpen", "_deny", "_block"}
"""What is called with a reason among its arguments."""
A_WORD = re.compile("[a-z]+(_[a-z]+)*")


def words(node: ast.AST) -> Iterator[str]:
    """Words that stand in an expression."""
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield from (each.value,) if A_WORD.fullmatch(each.value) else ()


def reasons_in(tree: ast.AST) -> Iterator[str]:
    """Words that a module gives as the reason of a fault, next to its sentence."""
    nodes = list(ast.walk(tree))
    # a pair that is taken apart at once is no fault
    apart = {
        id(node.value)
        for node in nodes
        if isinstance(node, ast.Return)
        or (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple))
    }
    for node in nodes:
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func).rpartition(".")[2]
            for given in node.args if called in SAY_REASONS else ():
                if isinstance(given, ast.Constant | ast.IfExp):
                    yield from words(given)
            for keyword in node.keywords:
                if keyword.arg in {"cheap", "reason"}:
                    yield from words(keyword.value)
            if called == "append" and isinstance(node.args[0], ast.Tuple):
                yield from words(node.args[0].elts[0])
        elif isinstance(node, ast.Tuple) and len(node.elts) == 2 and id(node) not in apart:
            first, second = node.elts
            told = isinstance(second, ast.JoinedStr) or (
                isinstance(second, ast.Constant) and " " in str(second.value)
            )
            yield from words(first) if told else ()
        elif isinstance(node, ast.arguments):
            for argument, default in zip(node.args[::-1], node.defaults[::-1], strict=False):
                if argument.arg == "reason":
                    yield from words(default)


def said_by_the_code() -> set[str]:
    rooms = [*PACKAGE.glob("tap/*.py"), *PACKAGE.glob("delivery/*.py"), PACKAGE / "errors.py",
             PACKAGE / "box/build.py", PACKAGE / "diagnose/checks/system.py"]  # fmt: skip
    found = {f"spool_{name}" for name in get_args(StateName) if name != "ok"}
    for room in rooms:
        found |= set(reasons_in(ast.parse(room.read_text("utf-8"))))
    # one is added to a state, the other replaces no_device where a card was heard before
    live = (PACKAGE / "tap/live.py").read_text("utf-8")
    return found | set(_ADVICE) | ({"behind", "unplugged"} & set(words(ast.parse(live))))


def test_every_reason_that_the_code_gives_is_in_the_list() -> None:
    """A reason without a meaning in the contract is told here, and one that nobody gives."""
    assert said_by_the_code() ^ set(REASONS) == set()


def test_a_reason_is_one_thing() -> None:
    """Reasons and notes on a line's channels are different words, each with a meaning."""
    assert set(REASONS) & set(NOTES) == set()
    for meaning in (*REASONS.values(), *NOTES.values(), *UNDETERMINED.values(), *ENDINGS.values()):
        assert meaning
        assert not meaning.endswith(".")


def test_every_ending_has_a_meaning() -> None:
    """How a call can end and what the contract says of it are the same list."""
    assert list(ENDINGS) == [reason.value for reason in EndReason]


def test_every_way_to_be_undetermined_has_a_meaning() -> None:
    """Whatever leaves a call without a category is one of the words that the contract explains."""
    tree = ast.parse((PACKAGE / "verdict" / "decision.py").read_text("utf-8"))
    (function,) = (
        node for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name == "_undetermined"
    )  # fmt: skip
    returned = {word for node in ast.walk(function) if isinstance(node, ast.Return) and node.value
                for word in words(node.value)} - {"both"}  # fmt: skip
    assert returned | set(decision.WITHHELD) == set(UNDETERMINED)


def test_the_docs_list_every_word() -> None:
    """docs/mqtt/words.md and docs/verdict.md name every reason, ending and cause."""
    text = (ROOT / "docs" / "mqtt" / "words.md").read_text("utf-8")
    listed = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", text, re.MULTILINE))
    assert listed == {
        word: meaning
        for known in (UNDETERMINED, ENDINGS, REASONS, NOTES)
        for word, meaning in known.items()
    }
    causes = re.search(r"^Causes that come with sered: (.+)\.$", text, re.MULTILINE)
    assert causes
    assert re.findall(r"`(\w+)`", causes[1]) == list(CAUSES)
    verdict = (ROOT / "docs" / "verdict.md").read_text("utf-8")
    section = verdict.partition("## 6. Causes")[2].partition("```toml")[0]
    assert set(CAUSES) <= set(re.findall(r"`(\w+)`", section))
