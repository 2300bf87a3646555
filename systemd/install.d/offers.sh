# shellcheck shell=bash
# What the system leaves off and edgereel is better with. It is offered with the exact lines and never done here: a boot
# line that is wrong leaves a board that does not start.

WANTED_SWAP_MIB=2000 # of a "2 GB" swap file

offer() {
    local lines
    lines=$(offers /)
    [[ -n $lines ]] || return 0
    say "Offered, not done; run what you want of it:"
    say "  ${lines//$'\n'/$'\n'  }"
}

offers() { # ROOT
    local root=${1%/} words=()
    [[ -e $root/proc/pressure/memory ]] || words+=(psi=1)
    grep -qsw memory "$root/sys/fs/cgroup/cgroup.controllers" || [[ -e $root/sys/fs/cgroup/memory/memory.stat ]] ||
        words+=(cgroup_enable=memory)
    ((${#words[@]} == 0)) || offer_boot_words "$root" "${words[@]}"
    (($(real_swap_mib "$root") >= WANTED_SWAP_MIB)) || offer_swap "$root"
    [[ -e $root$RECIPE ]] || offer_broker "$root"
}

# The kernel's command line is one line; a word that is there already was not enough, so it is not added twice.
offer_boot_words() { # ROOT WORD...
    local file=$1/boot/firmware/cmdline.txt words=() word
    shift
    echo "# Memory pressure and memory limits, which this kernel leaves off; they count after a reboot:"
    if [[ ! -e $file ]]; then
        echo "# add to the kernel's command line (GRUB: GRUB_CMDLINE_LINUX in /etc/default/grub, then update-grub): $*"
        return
    fi
    for word; do grep -qsw -- "$word" "$file" || words+=("$word"); done
    if ((${#words[@]})); then
        echo "sudo sed -i '1s/\$/ ${words[*]}/' /boot/firmware/cmdline.txt"
    fi
    echo "sudo reboot"
}

# zram does not count: quantised weights hardly compress. The same words as edge/swap.py has.
offer_swap() { # ROOT
    echo "# 2 GB of swap as a file:"
    if [[ -e $1/etc/dphys-swapfile ]]; then
        echo "sudo sed -i 's/^#*CONF_SWAPSIZE=.*/CONF_SWAPSIZE=2048/' /etc/dphys-swapfile"
        echo "sudo systemctl restart dphys-swapfile"
    elif [[ -d $1/etc/rpi ]]; then
        echo "sudo mkdir -p /etc/rpi/swap.conf.d"
        cat <<'LINE'
printf '[Main]\nMechanism=swapfile\n[File]\nFixedSizeMiB=2048\n' | sudo tee /etc/rpi/swap.conf.d/edgereel.conf
LINE
        echo "sudo reboot"
    else
        echo "sudo sh -c 'fallocate -l 2G /swapfile && chmod 600 /swapfile && mkswap /swapfile && swapon /swapfile'"
        echo "echo '/swapfile none swap sw 0 0' | sudo tee -a /etc/fstab"
    fi
}

real_swap_mib() { # ROOT
    awk 'NR > 1 && $1 !~ /\/zram/ { kib += $3 } END { print int(kib / 1024) }' "$1/proc/swaps" 2>/dev/null || echo 0
}

offer_broker() { # ROOT
    echo "# A broker on this board that keeps what it has accepted over a power cut; or set broker.host to another one:"
    [[ -d $1/etc/mosquitto/conf.d ]] || echo "sudo apt-get install mosquitto"
    echo "sudo $SOURCE/systemd/install.sh --mosquitto"
}
