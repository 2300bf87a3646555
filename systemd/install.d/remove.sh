# shellcheck shell=bash
# Taking it away again.

uninstall() {
    if running_systemd && systemctl cat edgereel >/dev/null 2>&1; then
        if step "stop and disable the service"; then systemctl disable -q --now edgereel; fi
    fi
    remove "$UNIT" "$USERS" "$LOCAL/bin/edgereel" "$OPT"
    local shell
    for shell in bash zsh fish man; do remove "$(shell_place "$shell")"; done
    remove /etc/systemd/system/multi-user.target.wants/edgereel.service "$CACHE" "${CACHE%/*}/private/edgereel"
    ! running_systemd || [[ -n $DRY ]] || systemctl daemon-reload
    tell_what_is_left
}

remove() {
    local path
    for path; do
        [[ -e $path || -L $path ]] || continue
        if step "remove $path"; then
            rm -rf "$path"
            tidy "$(dirname "$path")"
        fi
    done
}

# Folders that an installation may have made, where nobody else put anything into them.
tidy() { # FOLDER
    local folder=$1
    while [[ $folder == "$LOCAL"/*/* || $folder == /etc/fish* ]] && rmdir "$folder" 2>/dev/null; do
        folder=$(dirname "$folder")
    done
}

tell_what_is_left() {
    [[ $ACTION == uninstall ]] || return 0
    say "Left, because it is yours (--purge removes it):"
    tell "$ETC" "settings and secrets"
    tell "$STATE" "queue, clips and models"
    ! getent passwd edgereel >/dev/null || say "  the user and group edgereel, whom those files belong to"
    tell "$RECIPE" "the broker's part; other programs may rely on it, so --purge leaves it, too"
}

tell() { # PATH WHAT
    [[ ! -e $1 ]] || say "  $1  $2"
}

purge() {
    local state
    state=$(readlink -f "$STATE" 2>/dev/null || true)
    remove "$ETC" "$STATE" ${state:+"$state"}
    if getent passwd edgereel >/dev/null; then
        if step "remove the user edgereel"; then userdel edgereel; fi
    fi
    tell "$RECIPE" "the broker's part stays; other programs may rely on it"
}
