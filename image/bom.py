#!/usr/bin/env python3
"""Writes the bill of materials of what we hand out: CycloneDX 1.6 JSON, from installed metadata.

Usage: bom.py NAME VERSION [--wheels FOLDER] [--root FOLDER] [--models FOLDER] > bom.cdx.json
`--wheels`: Python libraries as wheels; `--root`: a Debian's files, with its packages and the
libraries below /opt/sered; `--models`: networks and word lists. Only Python's own library is used.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import zipfile
from email import message_from_string
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Component = dict[str, Any]
UNKNOWN = "not stated"
_SHORT = re.compile(r"^License:[ \t]*(\S[^\n]*)$", re.MULTILINE)
_SPDX = re.compile(r"[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*")
_LONGEST = 80
"""Characters of a licence's name; some packages paste the whole text."""


def main() -> None:
    """Print one document for what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("name")
    parser.add_argument("version")
    parser.add_argument("--wheels", type=Path)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--models", type=Path)
    given = parser.parse_args()
    found: list[Component] = []
    if given.wheels:
        found += of_wheels(given.wheels)
    if given.root:
        found += [*of_environments(given.root), *of_debian(given.root)]
    if given.models:
        found += of_models(given.models)
    if not found:
        sys.exit("bom.py: nothing was found in what was named: a bill without items is none.")
    json.dump(document(given.name, given.version, found), sys.stdout, indent=1)


def document(name: str, version: str, found: list[Component]) -> dict[str, Any]:
    """The whole bill, in an order that does not depend on the disk's; no time, no serial number."""
    once = {each["bom-ref"]: each for each in found}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": name,
                "name": name,
                "version": version,
                "licenses": licences("Apache-2.0"),
            }
        },
        "components": [once[ref] for ref in sorted(once)],
    }


def licences(said: str) -> list[dict[str, Any]]:
    """What a publisher says of its licence, as CycloneDX wants it: an expression, or a name."""
    said = " ".join(said.split())[:_LONGEST] or UNKNOWN
    if said != UNKNOWN and _SPDX.fullmatch(said):
        return [{"expression": said}] if " " in said else [{"license": {"name": said}}]
    return [{"license": {"name": said}}]


def of_wheels(folder: Path) -> Iterator[Component]:
    """Every wheel of a folder, with its size and checksum."""
    for path in sorted(folder.glob("*.whl")):
        with zipfile.ZipFile(path) as wheel:
            # setuptools carries others' inside
            (name,) = (
                n for n in wheel.namelist() if re.fullmatch(r"[^/]+[.]dist-info/METADATA", n)
            )
            component = of_metadata(wheel.read(name).decode())
        component["bom-ref"] += f"?file={path.name}"
        component["hashes"] = [sha256(path)]
        component["properties"] = [size(path.stat().st_size)]
        yield component


def of_environments(root: Path) -> Iterator[Component]:
    """Every library below /opt/sered, with the bytes that it takes there."""
    for path in sorted(root.glob("opt/sered/*/lib/python*/site-packages/*.dist-info/METADATA")):
        component = of_metadata(path.read_text(encoding="utf-8"))
        record = path.with_name("RECORD").read_text(encoding="utf-8")
        ends = (line.rpartition(",")[2] for line in record.splitlines())
        component["properties"] = [size(sum(int(end) for end in ends if end.isdigit()))]
        yield component


def of_metadata(text: str) -> Component:
    """A Python library by what its METADATA says."""
    told = message_from_string(text)
    name, version = str(told["Name"]), str(told["Version"])
    classified = [
        value.rpartition(" :: ")[2]
        for value in told.get_all("Classifier", [])
        if value.startswith("License ::") and value.count("::") > 1
    ]
    said = str(told["License-Expression"] or "") or " AND ".join(classified)
    said = said or str(told["License"] or "").partition("\n")[0]
    purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{version}"
    return _component("library", name, version, purl, said)


def of_debian(root: Path) -> Iterator[Component]:
    """Every package that dpkg has installed, with the licences that its copyright file names."""
    for stanza in (root / "var/lib/dpkg/status").read_text(encoding="utf-8").split("\n\n"):
        told = message_from_string(stanza)
        if "installed" not in str(told["Status"] or "").split():
            continue
        name, version = str(told["Package"]), str(told["Version"])
        purl = f"pkg:deb/debian/{name}@{version}?arch={told['Architecture']}"
        paper = root / f"usr/share/doc/{name}/copyright"
        component = _component("library", name, version, purl, _debian_licences(paper))
        component["properties"] = [size(int(told["Installed-Size"] or 0) * 1024)]
        yield component


def _debian_licences(paper: Path) -> str:
    try:
        text = paper.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return UNKNOWN
    if names := sorted(set(_SHORT.findall(text))):
        return ", ".join(names)
    # older ones have prose, and end with where Debian keeps the text
    files = sorted(set(re.findall(r"/usr/share/common-licenses/([\w.+-]*\w)", text)))
    return ", ".join(files) or "see its copyright file"


def of_models(folder: Path) -> Iterator[Component]:
    """Networks and word lists that come with sered: file, size, checksum."""
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        if path.suffix in {".tflite", ".tsv", ".words", ".mdl", ".fst"}:
            name = str(path.relative_to(folder))
            kind = "machine-learning-model" if path.suffix != ".tsv" else "data"
            component = _component(kind, name, "", f"file:{name}", "see models/MODEL_CARD.md")
            component["hashes"] = [sha256(path)]
            component["properties"] = [size(path.stat().st_size)]
            yield component


def _component(kind: str, name: str, version: str, ref: str, said: str) -> Component:
    component: Component = {"type": kind, "bom-ref": ref, "name": name}
    component["licenses"] = licences(said)
    if version:
        component |= {"version": version, "purl": ref}
    return component


def sha256(path: Path) -> dict[str, str]:
    """A file's checksum as CycloneDX has it."""
    return {"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}


def size(count: int) -> dict[str, str]:
    """Bytes of a component, which CycloneDX has no field for."""
    return {"name": "sered:bytes", "value": str(count)}


if __name__ == "__main__":
    main()
