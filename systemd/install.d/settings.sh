# shellcheck shell=bash
# Files of the administrator: never overwritten once they were changed.

# place_settings NEW DEST [LAST]: LAST is what DEST was made from, where that is known. An unchanged DEST follows NEW; a
# changed one stays, and NEW comes beside it if it is another one than LAST.
place_settings() {
    local new=$1 dest=$2 last=${3:-}
    if [[ ! -e $dest ]]; then
        step "write $dest" || return 0
        put "$new" "$dest"
    elif cmp -s "$new" "$dest"; then
        return 0
    elif [[ -f $last ]] && cmp -s "$last" "$dest"; then
        step "bring $dest up to date; nothing was changed in it" || return 0
        put "$new" "$dest"
        rm -f "$dest.new"
    elif [[ -f $last ]] && cmp -s "$last" "$new" || cmp -s "$new" "$dest.new"; then
        return 0
    else
        step "keep $dest, which you changed; what it could be now is in $dest.new" || return 0
        put "$new" "$dest.new"
    fi
}

# Until the new version runs, the old one may have to go on, with the settings that it knows.
save_settings() {
    rm -rf "$BEFORE"
    mkdir -p "$BEFORE"
    chmod 0700 "$BEFORE"
    [[ ! -e $ETC/edgereel.yaml ]] || cp -p "$ETC/edgereel.yaml" "$BEFORE/"
}

restore_settings() {
    [[ ! -e $BEFORE/edgereel.yaml ]] || cmp -s "$BEFORE/edgereel.yaml" "$ETC/edgereel.yaml" ||
        mv -T "$BEFORE/edgereel.yaml" "$ETC/edgereel.yaml"
}

# Whole or not at all, also when the power goes.
put() { # FILE DEST
    install -D -m 0644 "$1" "$2.part"
    sync "$2.part"
    mv -T "$2.part" "$2"
}

# The broker's part, if it was asked for; else it stands among the offers.
place_recipe() {
    [[ -n $MOSQUITTO ]] || return 0
    local before
    before=$(cksum "$RECIPE" 2>/dev/null || true)
    place_settings "$SOURCE/systemd/mosquitto-recipe.conf" "$RECIPE" "$(shipped "$OPT/current" mosquitto-recipe.conf)"
    [[ $(cksum "$RECIPE" 2>/dev/null || true) != "$before" ]] || return 0
    if running_systemd; then
        systemctl restart mosquitto ||
            die "mosquitto does not start with $RECIPE." "journalctl -u mosquitto -n 20; remove that file to undo it."
    fi
}
