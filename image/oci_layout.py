#!/usr/bin/env python3
"""Writes an OCI image archive of one layer, out of a root file system's tar.

Usage: oci_layout.py ROOT.tar ARCH VERSION DATE OUT.tar   (DATE: seconds since 1970)
The form is the OCI image layout 1.0: index.json, a manifest, a configuration and the layer, each
named by its SHA-256. No clock and no random number goes in.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_TYPE = "application/vnd.oci.image"
_PIECE = 1 << 20


def main() -> None:
    """Write the archive that the command line asks for."""
    root, arch, version, date, out = sys.argv[1:]
    made = datetime.fromtimestamp(int(date), UTC)
    with tempfile.NamedTemporaryFile(dir=Path(out).parent) as layer:
        write(Path(root), (arch, version, made), Path(out), Path(layer.name))


def write(root: Path, what: tuple[str, str, datetime], out: Path, scratch: Path) -> None:
    """One layer, compressed into `scratch` first: its digest has to be known before it is named.

    `what` is the processor (as Debian names it), the version, and the date, in UTC.
    """
    arch, version, made = what
    plain = hashlib.sha256()
    with (
        root.open("rb") as source,
        scratch.open("wb") as raw,
        # level 1: most of it is libraries that hardly get smaller
        gzip.GzipFile("", "wb", 1, raw, mtime=0) as packed,
    ):
        while piece := source.read(_PIECE):
            plain.update(piece)
            packed.write(piece)
    with scratch.open("rb") as packed_again:
        digest = hashlib.file_digest(packed_again, "sha256").hexdigest()
    layer = _named(f"{_TYPE}.layer.v1.tar+gzip", digest, scratch.stat().st_size)
    configuration = _json(
        _configuration(arch, version, f"{made:%Y-%m-%dT%H:%M:%SZ}", plain.hexdigest())
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": f"{_TYPE}.manifest.v1+json",
            "config": _described(f"{_TYPE}.config.v1+json", configuration),
            "layers": [layer],
        }
    )
    named = _described(f"{_TYPE}.manifest.v1+json", manifest)
    named["platform"] = {"os": "linux", "architecture": arch}
    named["annotations"] = {"org.opencontainers.image.ref.name": f"sered:{version}"}
    index = {"schemaVersion": 2, "mediaType": f"{_TYPE}.index.v1+json", "manifests": [named]}
    with tarfile.open(out, "w") as archive:
        _put(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _put(archive, "index.json", _json(index))
        for blob in (configuration, manifest):
            _put(archive, f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}", blob)
        info = tarfile.TarInfo(f"blobs/sha256/{digest}")
        info.size = scratch.stat().st_size
        with scratch.open("rb") as packed_again:
            archive.addfile(info, packed_again)


def _configuration(arch: str, version: str, made: str, layer: str) -> dict[str, Any]:
    return {
        "created": made,
        "architecture": arch,
        "os": "linux",
        "config": {
            "User": "sered",
            "Env": ["PATH=/opt/sered/current/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8"],
            "Entrypoint": ["/opt/sered/current/bin/sered"],
            "Cmd": ["run"],
            "Volumes": {"/var/lib/sered": {}},
            "WorkingDir": "/run/sered",
            "StopSignal": "SIGTERM",
            "Labels": {
                "org.opencontainers.image.title": "sered",
                "org.opencontainers.image.version": version,
                "org.opencontainers.image.licenses": "Apache-2.0",
            },
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
        "history": [{"created": made, "created_by": "make oci"}],
    }


def _named(kind: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": size}


def _described(kind: str, blob: bytes) -> dict[str, Any]:
    return _named(kind, hashlib.sha256(blob).hexdigest(), len(blob))


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _put(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


if __name__ == "__main__":
    main()
