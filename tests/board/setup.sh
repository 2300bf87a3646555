#!/bin/sh
# Called by mmdebstrap: gives the system in ROOT what the imager writes on a Pi's card: a user, its key, a name, a network.
set -eu
root=$1 key=$2

echo board >"$root/etc/hostname"
printf '127.0.0.1 localhost board\n::1 localhost\n' >"$root/etc/hosts"
echo '/dev/vda / ext4 defaults,noatime 0 1' >"$root/etc/fstab"
printf '[Match]\nName=e*\n[Network]\nDHCP=ipv4\n' >"$root/etc/systemd/network/wired.network"
systemctl --root="$root" enable --quiet systemd-networkd

chroot "$root" useradd --create-home --groups adm,sudo --shell /bin/bash pi
echo 'pi ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/pi"
mkdir -m 0700 "$root/home/pi/.ssh"
cp "$key" "$root/home/pi/.ssh/authorized_keys"
chroot "$root" chown -R pi:pi /home/pi

# The firmware of a Pi boots with the line in this file; so does tests/board/machine.py.
mkdir -p "$root/boot/firmware"
echo 'console=ttyAMA0 root=/dev/vda rw' >"$root/boot/firmware/cmdline.txt"
