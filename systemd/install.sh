#!/usr/bin/env bash
# Puts edgereel on a board as a service, or brings it up to date, out of the checkout that this file lies in. --help says
# more. The parts are in install.d; nothing is done before all of them are read and the board has been looked at.
set -euo pipefail
umask 022

SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=systemd/install.d/board.sh
. "$SOURCE/systemd/install.d/board.sh"
# shellcheck source=systemd/install.d/offers.sh
. "$SOURCE/systemd/install.d/offers.sh"
# shellcheck source=systemd/install.d/release.sh
. "$SOURCE/systemd/install.d/release.sh"
# shellcheck source=systemd/install.d/remove.sh
. "$SOURCE/systemd/install.d/remove.sh"
# shellcheck source=systemd/install.d/service.sh
. "$SOURCE/systemd/install.d/service.sh"
# shellcheck source=systemd/install.d/settings.sh
. "$SOURCE/systemd/install.d/settings.sh"

OPT=/opt/edgereel
ETC=/etc/edgereel
STATE=/var/lib/edgereel
CACHE=/var/cache/edgereel
BEFORE=$OPT/before
LOCAL=/usr/local
UNIT=$LOCAL/lib/systemd/system/edgereel.service
USERS=$LOCAL/lib/sysusers.d/edgereel.conf
RECIPE=/etc/mosquitto/conf.d/edgereel.conf
PYTHON=${PYTHON:-python3}

ACTION=install
DRY=
WHEELS=$SOURCE/dist/wheels
MODEL=smollm2-135m-expand
MOSQUITTO=

usage() {
    cat <<'HELP'
usage: sudo systemd/install.sh [--dry-run] [--wheels DIR] [--model NAME | --no-model] [--mosquitto]
       sudo systemd/install.sh --uninstall | --purge [--dry-run]

Puts edgereel on this board as a service, or brings it up to date. Run it again at any time: what is right stays as it is.

  --dry-run      say what would be done, and do nothing; needs no root
  --wheels DIR   wheels made elsewhere (default: dist/wheels of this checkout): DIR/armv8.2 for a Pi 5, DIR/armv8.0 for a
                 Pi 3, 4 and Zero 2, DIR/x86_64, and DIR itself for those of every board. Without a wheel of
                 llama-cpp-python it is compiled here, which takes minutes on a PC and an hour or more on a Pi.
  --model NAME   the language model to fetch (default: smollm2-135m-expand)
  --no-model     fetch none: only the modes direct, lite and spare can run
  --mosquitto    also set up the mosquitto of this board as edgereel's broker
  --uninstall    remove the program and the service; settings, queue, clips and models stay, and it says where
  --purge        as --uninstall, and remove those and the user too
  --help         this text

An update builds the new version beside the running one and tries it; only then the service is stopped and started anew.
Whatever fails, the version that worked goes on working. Settings that you changed are never overwritten: new defaults
come beside them, as edgereel.yaml.new. PYTHON=python3.12 takes another Python; pip's own settings (PIP_INDEX_URL,
PIP_NO_INDEX, ...) apply.
HELP
}

main() {
    parse "$@"
    [[ -n $DRY || $EUID -eq 0 ]] || die "This needs root." "sudo $0 $*, or look first: $0 --dry-run"
    take_turn
    case $ACTION in
        install) install_all ;;
        uninstall) uninstall ;;
        purge) uninstall && purge ;;
    esac
}

parse() {
    while (($#)); do
        case $1 in
            --dry-run) DRY=1 ;;
            --wheels | --model)
                (($# > 1)) || die "$1 wants a value." "$0 --help" 2
                take_value "$1" "$2"
                shift
                ;;
            --no-model) MODEL= ;;
            --mosquitto) MOSQUITTO=1 ;;
            --uninstall | --purge) ACTION=${1#--} ;;
            -h | --help) usage && exit 0 ;;
            *) die "What is '$1'?" "$0 --help" 2 ;;
        esac
        shift
    done
}

take_value() { # OPTION VALUE
    if [[ $1 == --model ]]; then
        MODEL=$2
    else
        WHEELS=$(cd "$2" 2>/dev/null && pwd) || die "There is no folder $2." "--wheels wants the folder of the wheels." 2
    fi
}

install_all() {
    look_at_the_board
    begin_release
    trap 'end $?' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    make_user
    make_release
    fetch_model
    [[ -n $DRY ]] || save_settings
    place_settings "$SOURCE/systemd/edgereel.yaml" "$ETC/edgereel.yaml" "$(shipped "$OPT/current" edgereel.yaml)"
    try_release
    place_recipe
    switch_service
    commit
    remove_old_releases
    offer
    show_doctor
}

# Two at once would build and switch under each other's feet.
take_turn() {
    [[ -z $DRY ]] || return 0
    exec 9>/run/edgereel-install.lock
    flock -n 9 || die "Another install.sh is at work." "Wait until it is done."
}

say() { printf '%s\n' "$*"; }

# What is about to be done. False in a dry run, so that `step "..." || return 0` is all that a part needs.
step() {
    say "${DRY:+would }$*"
    [[ -z $DRY ]]
}

warn() { printf 'install.sh: %s\n' "$*" >&2; }

die() { # WHAT HINT [CODE]
    printf 'install.sh: %s %s\n' "$1" "$2" >&2
    exit "${3:-1}"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
    main "$@"
fi
