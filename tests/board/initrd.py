"""The small initrd that finds the board's disk: busybox, the modules for virtio and ext4, and one script.

Why not Debian's: `mkinitramfs` in an emulated system takes over ten minutes each time that a package asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

WANTED = ("virtio_pci", "virtio_mmio", "virtio_blk", "crc32c_generic", "ext4")
DEPENDS = re.compile(rb"\0depends=([^\0]*)\0")
INIT = """\
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for module in {modules}; do
    /bin/busybox insmod /$module
done
until [ -b /dev/vda ]; do /bin/busybox sleep 0.2; done
/bin/busybox mount -t ext4 /dev/vda /board
/bin/busybox mount --move /dev /board/dev
exec /bin/busybox switch_root /board /sbin/init
"""
FOLDER, FILE = 0o040755, 0o100755


def make_initrd(system: Path) -> bytes:
    """Of the kernel and the busybox that are installed in the folder `system`."""
    (kernel,) = (system / "usr/lib/modules").iterdir()
    found = {path.stem.replace("-", "_"): path for path in kernel.rglob("*.ko")}
    modules = list(dict.fromkeys(name for wanted in WANTED for name in _with_needs(wanted, found)))
    files = {f"{name}.ko": found[name].read_bytes() for name in modules}
    files["bin/busybox"] = (system / "usr/bin/busybox").read_bytes()
    files["init"] = INIT.format(modules=" ".join(f"{name}.ko" for name in modules)).encode()
    entries = [_entry(name, FOLDER, b"") for name in ("bin", "dev", "board")]
    entries += [_entry(name, FILE, content) for name, content in files.items()]
    return b"".join([*entries, _entry("TRAILER!!!", 0, b"")])


def _with_needs(name: str, found: dict[str, Path]) -> Iterator[str]:
    """A module after those that it depends on; one that is part of the kernel has no file."""
    if name not in found:
        return
    depends = DEPENDS.search(found[name].read_bytes())
    for other in filter(None, depends[1].decode().split(",") if depends else []):
        yield from _with_needs(other.replace("-", "_"), found)
    yield name


def _entry(name: str, mode: int, content: bytes) -> bytes:
    """One file of a cpio archive in the kernel's format, newc."""
    raw = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(raw), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + raw
    return _padded(head) + _padded(content)


def _padded(part: bytes) -> bytes:
    return part + bytes(-len(part) % 4)
