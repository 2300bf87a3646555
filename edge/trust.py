"""Which model packs may be opened: those that edgereel ships, and those that somebody trusted on purpose (edge/grant.py).

Why: the files of a pack go into native parsers (onnxruntime, llama.cpp). These have had memory bugs, and a file made for
such a bug runs code on the board. A file that is as its manifest says is the file that the author of the manifest meant,
no more. So a manifest, which pins every file of its pack, is what is trusted: by its own sha256, once, in a record in
the folder of models. A manifest that changes has to be trusted anew.
"""

from __future__ import annotations

import stat
from enum import StrEnum
from pathlib import Path

import msgspec

from edge.errors import ModelError

RECORD = "trusted.yaml"


class Trust(StrEnum):
    """Why a pack may be opened, or that it may not."""

    SHIPPED = "shipped"
    GIVEN = "trusted"
    NONE = "not trusted"


def trust_of(name: str, sha256: str, *, root: Path, shipped: str | None) -> Trust:
    """The trust in a manifest that lies under `root`; `shipped` is the sha256 of the shipped one of that name.

    Raises ModelError when the record under `root` cannot be read or is no longer only its owner's to write.
    """
    if sha256 == shipped:
        return Trust.SHIPPED
    return Trust.GIVEN if read_record(root).get(name) == sha256 else Trust.NONE


def read_record(root: Path) -> dict[str, str]:
    """The trusted packs under `root` by name, with the sha256 of their manifests. Raises ModelError."""
    path = root / RECORD
    try:
        mode = path.stat().st_mode
        record: dict[str, str] = msgspec.yaml.decode(path.read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise ModelError(f"{path}: {exc.strerror}.", hint="Let the user of edgereel own that file.") from exc
    except msgspec.MsgspecError as exc:
        raise ModelError(f"{path}: {exc}.", hint="Delete it, then run `edgereel models trust NAME` again.") from exc
    if mode & stat.S_IWOTH:
        raise ModelError(f"{path} can be written by everybody, so it says nothing.", hint=f"chmod 600 {path}")
    return record
