"""Trust given to a model pack on purpose, written down beside the packs; edge/trust.py says what it is for."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from edge.trust import RECORD, read_record
from edge.whole_file import whole_file

HEAD = (
    "# Model packs that were trusted on purpose, with the sha256 of their manifests.\n"
    "# `edgereel models trust NAME` adds one. To take trust back, delete the line.\n"
)


def give_trust(name: str, sha256: str, *, root: Path) -> None:
    """Write the sha256 of a pack's manifest into the record under `root`.

    The record is readable by the owner of that folder alone: root may trust a pack for the service.
    Raises ModelError as trust_of, and OutputError when the folder cannot be written.
    """
    record = dict(sorted({**read_record(root), name: sha256}.items()))
    with whole_file(root / RECORD) as part:
        part.touch()
        part.chmod(0o600)
        if os.geteuid() == 0:
            owner = root.stat()
            os.chown(part, owner.st_uid, owner.st_gid)
        part.write_bytes(HEAD.encode() + msgspec.yaml.encode(record))
