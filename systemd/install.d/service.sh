# shellcheck shell=bash
# The user, the model, the unit, and the switch from the old version to the new one with the way back.

SWITCHED=
STOPPED=

make_user() {
    if ! cmp -s "$SOURCE/systemd/edgereel.sysusers.conf" "$USERS"; then
        step "make the user edgereel: $USERS" || return 0
        put "$SOURCE/systemd/edgereel.sysusers.conf" "$USERS"
    fi
    [[ -n $DRY ]] || getent passwd edgereel >/dev/null || systemd-sysusers "$USERS"
}

fetch_model() {
    [[ -n $MODEL ]] || return 0
    local model=$STATE/models/$MODEL
    [[ ! -e $model || -z $(find "$model/" -name '*.gguf') ]] || return 0
    step "fetch the language model $MODEL to $model" || return 0
    mkdir -p "$STATE/models"
    as_the_service "$NEW/bin/edgereel" models pull "$MODEL" ||
        die "The language model did not come; what it says stands above." "Run this again, or with --no-model."
    give_to_service
}

# What root made belongs to the user of the service. The folder may be systemd's link to /var/lib/private.
give_to_service() {
    local folder
    for folder in "$STATE" "$CACHE"; do
        [[ ! -d $folder ]] || chown -Rh edgereel:edgereel "$folder/"
    done
}

running_systemd() { [[ -d /run/systemd/system ]]; }

switch_service() {
    local changed=
    [[ $OLD == "$NEW" ]] && cmp -s "$SOURCE/systemd/edgereel.service" "$UNIT" || changed=1
    if [[ -n $changed ]] && step "switch to $NEW"; then
        SWITCHED=1
        stop_service
        save_queue
        activate "$NEW"
    fi
    link_commands
    warn_of_another_unit
    if ! running_systemd; then
        say "systemd does not run here, so the service is not started. Later: systemctl enable --now edgereel"
    elif [[ -n $changed ]] || ! systemctl is-active -q edgereel; then
        start_service
    fi
}

# From here on the new version is the one that worked.
commit() {
    SWITCHED=
    OLD=$NEW
    [[ -n $DRY ]] || rm -rf "$BEFORE"
}

activate() { # RELEASE
    put "$(shipped "$1" edgereel.service)" "$UNIT"
    point_current_at "$1"
    ! running_systemd || systemctl daemon-reload
}

stop_service() {
    running_systemd && systemctl is-active -q edgereel || return 0
    say "stop the service"
    STOPPED=1
    systemctl stop edgereel
}

start_service() {
    step "start the service" || return 0
    systemctl enable -q edgereel
    systemctl start edgereel || {
        journalctl -u edgereel -n 10 --no-pager -o cat >&2 || true
        die "The service does not start; its last words stand above." "systemctl status edgereel"
    }
}

link_commands() {
    local shell
    link "$OPT/current/bin/edgereel" "$LOCAL/bin/edgereel"
    for shell in bash zsh fish man; do
        link "$OPT/current/$(shell_file "$shell")" "$(shell_place "$shell")"
    done
}

link() { # TARGET PATH
    [[ $(readlink "$2" 2>/dev/null) != "$1" ]] || return 0
    step "link $2" || return 0
    mkdir -p "$(dirname "$2")"
    ln -sfn "$1" "$2"
}

# Whoever has a unit of their own in /etc means it, and it wins over this one.
warn_of_another_unit() {
    local other=/etc/systemd/system/edgereel.service
    [[ ! -e $other ]] || warn "$other comes before $UNIT. Keep only what differs: systemctl edit edgereel"
}

# A newer version may change the database, and then the older one refuses it. So a copy is kept until the new one runs.
save_queue() {
    local file part
    [[ -n $OLD ]] && file=$(queue) && [[ -e $file ]] || return 0
    mkdir -p "$BEFORE/queue"
    for part in "$file"{,-wal,-shm}; do
        [[ ! -e $part ]] || cp -a "$part" "$BEFORE/queue/"
    done
}

queue() {
    as_the_service "$OLD/bin/python" -c \
        'import os; from edge.jobqueue import queue_file; from edge.settings import load_settings
print(queue_file(load_settings(None, env=os.environ)))'
}

schema() { # DATABASE
    "$OLD/bin/python" -c \
        'import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute("SELECT max(number) FROM migration").fetchone())' "$1"
}

# Called at the end of the script, however it comes.
end() { # CODE
    trap - EXIT
    set +e # going back does all of it that can be done
    if (($1)) && [[ -z $DRY ]]; then
        [[ -z $OLD ]] || restore_settings
        [[ -z $SWITCHED ]] || go_back
        [[ -e $NEW/complete ]] || rm -rf "$NEW"
        rm -rf "$OPT/tmp" "$BEFORE"
        [[ -z $OLD ]] || warn "What worked before still does: $OLD"
    fi
    exit "$1"
}

go_back() {
    if [[ -z $OLD ]]; then
        warn "There is no older version to go back to."
        return
    fi
    warn "Going back to $OLD."
    ! running_systemd || systemctl stop edgereel || true
    restore_queue
    activate "$OLD"
    [[ -z $STOPPED ]] || systemctl start edgereel || warn "It does not start either: journalctl -u edgereel -n 20"
    [[ $OLD == "$NEW" ]] || rm -rf "$NEW"
}

# Only where the database was changed: else the old version goes on with it as it is now.
restore_queue() {
    [[ -e $BEFORE/queue ]] || return 0
    local file
    file=$(queue)
    [[ $(schema "$file") != "$(schema "$BEFORE/queue/queue.sqlite")" ]] || return 0
    mkdir -p -m 0700 "$file.newer"
    mv "$file"{,-wal,-shm} "$file.newer/" 2>/dev/null || true
    cp -a "$BEFORE"/queue/* "$(dirname "$file")/"
    warn "The queue is as it was before; what the newer version made of it is in $file.newer"
}

show_doctor() {
    step "run edgereel doctor" || return 0
    as_the_service "$OPT/current/bin/edgereel" doctor || true
    give_to_service
}
