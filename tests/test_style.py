"""What ruff and mypy do not ask of the code."""

import ast
import re
import subprocess
from collections.abc import Iterator

from project import ROOT

SUPPRESSION = re.compile(r"#\s*(noqa|type:\s*ignore)\b.*")
REASONED = re.compile(r"# (noqa: [A-Z0-9, ]+ - \S|type: ignore\[[a-z, -]+\]\s+# \S).*")


def git(*arguments: str) -> str | None:
    """What git says of this checkout, whoever owns it; None where it is none."""
    command = ["git", "-c", "safe.directory=*", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def sources() -> list[str]:
    """Every Python file that git knows or would add, from the project's root."""
    listed = git("ls-files", "--cached", "--others", "--exclude-standard", "*.py")
    if listed is not None:
        return [line for line in listed.splitlines() if (ROOT / line).exists()]
    tops = ("device", "convert", "tests", "docs")
    return [str(path.relative_to(ROOT)) for top in tops for path in (ROOT / top).rglob("*.py")]


def test_every_suppression_says_why() -> None:
    """A line that silences ruff or mypy names the rule and gives its reason behind it."""
    silent = [
        f"{path}:{number}: {line.strip()}"
        for path in sources()
        if path != "tests/test_style.py"
        for number, line in enumerate((ROOT / path).read_text("utf-8").splitlines(), 1)
        if (found := SUPPRESSION.search(line)) and not REASONED.fullmatch(found.group())
    ]
    assert silent == [], "write `# noqa: RULE - why` or `# type: ignore[rule]  # why`"


def promises() -> Iterator[tuple[str, str | None]]:
    """Every test of the project, with its docstring."""
    for path in sources():
        if path.startswith("tests/") and path.rpartition("/")[2].startswith("test_"):
            for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                    yield f"{path}::{node.name}", ast.get_docstring(node)


def test_every_test_says_its_promise() -> None:
    """The first line of a test's docstring is a sentence that holds when the test passes."""
    found = dict(promises())
    assert len(found) > 800
    silent = [name for name, said in found.items() if not said or not said.split("\n")[0].strip()]
    assert silent == []
    cut = [name for name, said in found.items() if said and not re.search(r"[.!?]\"?`?$", said)]
    assert cut == [], "a promise is a whole sentence and ends like one"


def test_the_coverage_floor_never_falls() -> None:
    """Through all commits that set it, the share of lines that tests must reach only rises."""
    log = git("log", "--reverse", "-p", "--format=", "-G^fail_under", "--", "pyproject.toml") or ""
    floors = [int(value) for value in re.findall(r"^\+fail_under = (\d+)", log, re.M)]
    now = re.findall(r"^fail_under = (\d+)", (ROOT / "pyproject.toml").read_text("utf-8"), re.M)
    floors += [int(value) for value in now]
    assert now
    assert floors == sorted(floors)


def test_no_two_test_files_share_a_name() -> None:
    """pytest imports test files by their bare names: a second one of a name cannot be collected."""
    names = [path.rpartition("/")[2] for path in sources() if path.startswith("tests/")]
    tests = [name for name in names if name.startswith("test_")]
    assert sorted(name for name in set(tests) if tests.count(name) > 1) == []
