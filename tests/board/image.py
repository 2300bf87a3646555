"""The board's card as a disk image: Debian 12 for ARM with what systemd/README.md says to install first; made once.

Nothing is mounted, and nobody has to be root: mmdebstrap has its own ways of doing without, and fakeroot stands in for
it where the disk is filled. All of it is in runs/board of the checkout.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.board.initrd import make_initrd

CHECKOUT = Path(__file__).resolve().parents[2]
HERE, WORK = CHECKOUT / "tests/board", CHECKOUT / "runs/board"
CARD, KERNEL, INITRD, KEY = (WORK / name for name in ("card.img", "vmlinuz", "initrd.img", "key"))
SYSTEM = "systemd-sysv,dbus,udev,kmod,linux-image-arm64,busybox-static,openssh-server,sudo,iproute2,procps"
NAMED = "python3-venv,libgomp1,mosquitto,mosquitto-clients"  # by systemd/README.md, and mosquitto_rr by docs/mqtt.md
# Each of its runs would take over ten minutes in an emulated system; tests/board/initrd.py makes the initrd.
NO_INITRAMFS = """chroot "$1" dpkg-divert --quiet --local --add --rename /usr/sbin/update-initramfs
ln -s /bin/true "$1/usr/sbin/update-initramfs"
"""
FILL = """set -e
[ -z "$4" ] || tar --extract --file "$4" --directory "$1"
PATH=$PATH:/usr/sbin:/sbin mke2fs -q -t ext4 -d "$1" "$2" "$3" >/dev/null
"""
SIZE = "8G"
TIMEOUT_S = 4 * 3600


def make_card() -> None:
    """Debian, whose packages are configured by emulating each of their programs; its kernel, an initrd, the disk."""
    if CARD.exists():
        return
    WORK.mkdir(parents=True, exist_ok=True)
    if not KEY.exists():
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "board", "-f", KEY)
    archive, system = WORK / "system.tar", WORK / "system"
    mirror = [one for one in [os.environ.get("DEBIAN_MIRROR")] if one]  # else mmdebstrap's own
    run("mmdebstrap", "--quiet", "--architectures=arm64", "--variant=apt", f"--include={SYSTEM},{NAMED}",
        f"--essential-hook={NO_INITRAMFS}", f'--customize-hook="{HERE}/setup.sh" "$1" "{KEY}.pub"', "bookworm",
        archive, *mirror)  # fmt: skip
    shutil.rmtree(system, ignore_errors=True)
    system.mkdir()
    part = CARD.with_suffix(".part")
    make_disk(part, SIZE, folder=system, archive=archive)
    KERNEL.write_bytes(next((system / "boot").glob("vmlinuz-*")).read_bytes())
    INITRD.write_bytes(make_initrd(system))
    shutil.rmtree(system)
    archive.unlink()
    part.rename(CARD)


def make_disk(image: Path, size: str, *, folder: Path, archive: Path | None = None) -> None:
    """An ext4 disk with what is in `folder`, after `archive` was unpacked there."""
    image.unlink(missing_ok=True)
    pretend = ["fakeroot", "--"] if os.geteuid() else []
    run(*pretend, "sh", "-c", FILL, "sh", folder, image, size, archive or "")


def run(*command: str | Path) -> None:
    """Run it to its end. Raises CalledProcessError."""
    subprocess.run([*map(str, command)], check=True, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL)
