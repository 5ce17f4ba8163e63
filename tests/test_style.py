"""What ruff and mypy do not ask of the code."""

import re
import subprocess

from project import ROOT

SUPPRESSION = re.compile(r"#\s*(noqa|type:\s*ignore)\b.*")
REASONED = re.compile(r"# (noqa: [A-Z0-9, ]+ - \S|type: ignore\[[a-z, -]+\]  # \S).*")


def sources() -> list[str]:
    """Every Python file that git knows or would add, from the project's root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [line for line in listed.stdout.splitlines() if (ROOT / line).exists()]


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
