# shellcheck shell=bash
# The program: each version in a folder of its own under releases/, `current` pointing at the one that runs.

# The name has a sum of all that goes in, so that the same checkout, Python and wheel are the same release.
begin_release() {
    local version sum
    version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' "$SOURCE/edge/__init__.py")
    sum=$(ingredients | sha256sum | cut -c1-8)
    OLD=$(readlink -f "$OPT/current" 2>/dev/null || true)
    [[ -d $OLD ]] || OLD=
    NEW=$OPT/releases/$version-$sum
}

ingredients() {
    "$PYTHON" --version
    [[ -z $LLAMA ]] || basename "$LLAMA"
    [[ -z $LLAMA ]] || sha256sum <"$LLAMA"
    cd "$SOURCE" || return
    find edge models systemd pyproject.toml requirements.lock README.md LICENSE -type f ! -name '*.pyc' ! -name '*.gguf' \
        ! -name '*.part' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
}

# shipped RELEASE FILE: one of the files of systemd/ as that release brought it.
shipped() {
    find "$1"/lib/python3*/site-packages/edge/_systemd -name "$2" 2>/dev/null | head -n 1 || true
}

make_release() {
    if [[ -e $NEW/complete ]]; then
        return 0
    fi
    [[ -n $LLAMA ]] || compile_llama
    step "make $NEW with ${LLAMA:-llama-cpp-python, compiled here}" || return 0
    rm -rf "$NEW"
    mkdir -p "$OPT/releases"
    "$PYTHON" -m venv "$NEW"
    install_with_pip --only-binary=:all: -r "$SOURCE/requirements.lock"
    install_with_pip --no-deps "$SOURCE"
    make_shell_files
}

# Temporary files beside the target: /tmp is memory on many boards. No cache: it would take the card's room for good.
run_pip() {
    mkdir -p "$OPT/tmp"
    TMPDIR=$OPT/tmp "$NEW/bin/python" -m pip --no-cache-dir --no-input --disable-pip-version-check -q "$@" ||
        die "pip failed; what it says stands above." "What was installed stays as it was. When it is the network, run this again."
}

install_with_pip() {
    run_pip install --find-links "$WHEELS" --find-links "$(dirname "$LLAMA")" "$@"
}

# Once for a version: the wheel is kept for the next run.
compile_llama() {
    local pin
    pin=$(grep '^llama-cpp-python==' "$SOURCE/requirements.lock")
    warn "There is no wheel of $pin for $KIND in $WHEELS: it is compiled here. A PC takes 10 minutes, a Pi 4 or 5 an hour \
or more; the wheel is kept in $OPT/wheels."
    step "compile $pin for $KIND" || return 0
    rm -rf "$NEW"
    mkdir -p "$OPT/wheels/$KIND"
    "$PYTHON" -m venv "$NEW"
    CMAKE_ARGS="$(cmake_args "$KIND")" CMAKE_BUILD_PARALLEL_LEVEL=$(compile_jobs) \
        run_pip wheel --no-deps -w "$OPT/wheels/$KIND" "$pin"
    LLAMA=$(find_llama)
}

# Without the parts that are not used here.
cmake_args() { # KIND
    local unused="-DLLAVA_BUILD=OFF -DLLAMA_CURL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
-DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_SERVER=OFF"
    case $1 in
        armv8.2) echo "$unused -DGGML_NATIVE=OFF -DGGML_CPU_ARM_ARCH=armv8.2-a+dotprod+fp16" ;;
        armv8.0) echo "$unused -DGGML_NATIVE=OFF -DGGML_CPU_ARM_ARCH=armv8-a+crc" ;;
        *) echo "$unused" ;;
    esac
}

# A compiler takes up to a GB on llama.cpp's larger files.
compile_jobs() {
    local gib
    gib=$(awk '/^MemTotal/ { print int($2 / 1024 / 1024) }' /proc/meminfo)
    echo $((gib < 1 ? 1 : gib < $(nproc) ? gib : $(nproc)))
}

# The man page and the completions lie in the release, so that they change with it.
make_shell_files() {
    local file shell
    for shell in bash zsh fish man; do
        file=$NEW/$(shell_file "$shell")
        mkdir -p "$(dirname "$file")"
        "$NEW/bin/edgereel" completion "$shell" >"$file"
    done
}

shell_file() { # SHELL: where its file is in a release, which is also where the shell looks below /usr/local
    case $1 in
        bash) echo share/bash-completion/completions/edgereel ;;
        zsh) echo share/zsh/site-functions/_edgereel ;;
        fish) echo etc/fish/completions/edgereel.fish ;;
        man) echo share/man/man1/edgereel.1 ;;
    esac
}

# fish looks in /etc and not below /usr/local.
shell_place() { # SHELL
    [[ $1 != fish ]] || { echo "/$(shell_file fish)" && return; }
    echo "$LOCAL/$(shell_file "$1")"
}

# The new version has to work before it takes the old one's place: every library loads on this processor, it takes the
# settings that are here, and it makes a clip.
try_release() {
    [[ ! -e $NEW/complete ]] || return 0
    step "try it: libraries, settings, half a second of a clip" || return 0
    local clip=$OPT/tmp/try.mp4 code=0 said
    said=$("$NEW/bin/python" -c 'import av, cv2, llama_cpp, numpy, onnxruntime, paho.mqtt, edge.daemon' 2>&1) ||
        die "The new version cannot load its libraries: ${said##*$'\n'}." "Is ${LLAMA##*/} for $KIND?"
    as_the_service "$NEW/bin/edgereel" models list >/dev/null ||
        die "The new version does not take $ETC/edgereel.yaml; what it says stands above." "Correct it, run this again."
    said=$(as_the_service "$NEW/bin/edgereel" generate "a red balloon" --mode spare --seconds 0.5 --out "$clip" 2>&1) || code=$?
    # 6: another job has the memory. That says nothing about the version.
    [[ $code -eq 0 || $code -eq 6 ]] || die "The new version makes no clip: ${said##*$'\n'}" "Please report it."
    rm -rf "$OPT/tmp"
    give_to_service
    touch "$NEW/complete"
    sync -f "$NEW/complete"
}

# With the folders and the limit that the unit gives.
as_the_service() {
    (
        ulimit -l $((1 << 20)) 2>/dev/null || true
        STATE_DIRECTORY=$STATE CACHE_DIRECTORY=$CACHE exec "$@"
    )
}

# `current` is replaced in one step: at no moment is there none.
point_current_at() { # RELEASE
    ln -sfn "$1" "$OPT/next"
    mv -T "$OPT/next" "$OPT/current"
    sync -f "$OPT"
}

remove_old_releases() {
    local release
    for release in "$OPT"/releases/*; do
        [[ -d $release && $release != "$NEW" ]] || continue
        if step "remove the old $release"; then rm -rf "$release"; fi
    done
}
