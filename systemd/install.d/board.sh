# shellcheck shell=bash
# What kind of board this is, and whether an installation can succeed on it. Changes nothing.

NEED_MIB=800         # a release, and the room in which it is unpacked
NEED_COMPILE_MIB=900 # on top: llama.cpp's sources and objects
NEED_MODEL_MIB=300   # the wheel that the model comes in, and the model

look_at_the_board() {
    check_python
    KIND=$(wheel_kind "$(uname -m)" /proc/cpuinfo) ||
        die "There are no wheels for a processor of the kind $(uname -m)." "A 64-bit ARM or x86 board is needed."
    LLAMA=$(find_llama)
    check_packages
    check_space
}

check_python() {
    command -v "$PYTHON" >/dev/null || die "There is no $PYTHON here." "sudo apt-get install python3 python3-venv"
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "$("$PYTHON" --version) is too old; 3.11 or newer is needed (Debian 12)." "Name another one: PYTHON=python3.12"
    "$PYTHON" -c 'import sys; sys.exit(sys.maxsize < 2**32)' ||
        die "This is a 32-bit system, for which the libraries have no wheels." "Install the 64-bit Raspberry Pi OS."
}

# wheel_kind MACHINE CPUINFO: the folder of the wheels that this processor runs. A wheel for a better one ends with an
# illegal instruction, so every core has to have what armv8.2 here means.
wheel_kind() {
    case $1 in
        x86_64) echo x86_64 ;;
        aarch64)
            if awk '/^Features/ { n++; if (/ asimddp/ && / fphp/ && / asimdhp/) good++ }
                    END { exit !(n && n == good) }' "$2"; then
                echo armv8.2
            else
                echo armv8.0
            fi
            ;;
        *) return 1 ;;
    esac
}

# The wheel of llama.cpp for this board, made elsewhere or by an earlier run; nothing where it has to be compiled.
find_llama() {
    local version folder
    version=$(sed -n 's/^llama-cpp-python==//p' "$SOURCE/requirements.lock")
    for folder in "$WHEELS" "$OPT/wheels"; do
        find "$folder/$KIND" -name "llama_cpp_python-${version}[-+]*.whl" 2>/dev/null || true
    done | sort | head -n 1
}

check_packages() {
    local missing=()
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
    command -v systemd-sysusers >/dev/null || missing+=(systemd)
    # llama.cpp computes with it, and its wheel does not bring it.
    [[ $(PATH=$PATH:/sbin ldconfig -p) == *libgomp.so.1* ]] || missing+=(libgomp1)
    [[ -n $LLAMA ]] || command -v gcc >/dev/null || missing+=(gcc)
    [[ -n $LLAMA ]] || command -v g++ >/dev/null || missing+=(g++)
    [[ -z $MOSQUITTO || -d /etc/mosquitto/conf.d ]] || missing+=(mosquitto)
    ((${#missing[@]} == 0)) || die "Missing here: ${missing[*]}." "sudo apt-get install ${missing[*]}"
}

check_space() {
    local program=$NEED_MIB model=0
    [[ -n $LLAMA ]] || program=$((program + NEED_COMPILE_MIB))
    [[ -z $MODEL || -n $(find -L "$STATE/models/$MODEL" -name '*.gguf' 2>/dev/null) ]] || model=$NEED_MODEL_MIB
    if [[ $(device_of "$OPT") == "$(device_of "$STATE")" ]]; then
        need_space "$OPT" $((program + model))
    else
        need_space "$OPT" "$program"
        need_space "$STATE" "$model"
    fi
}

need_space() { # FOLDER MIB
    local free
    free=$(df --output=avail -BM "$(above "$1")" | tr -dc 0-9)
    ((free >= $2)) || die "$1 has $free MiB free; $2 MiB are needed." "Make room, for example: sudo apt-get clean"
}

device_of() { stat -Lc %d "$(above "$1")"; }

# The folder itself, or the nearest one above it that there is.
above() {
    local path=$1
    until [[ -d $path ]]; do path=$(dirname "$path"); done
    echo "$path"
}
