#!/bin/sh
# Certificates for a fleet: one authority of your own, the broker, and everyone who connects to it.
#
#   make-certificates.sh broker ADDRESS...   the broker's, for the host names and IP addresses that clients call it by
#   make-certificates.sh client NAME...      one each for boards (NAME is the board's node.id) and for requesters
#   make-certificates.sh revoke NAME...      shut these out: copy ca.crl to the broker again
#
# All is in the folder $FLEET (default: ./fleet). Keep it off the broker and the boards: whoever has its ca.key can be
# anybody. DAYS (default: 1825, five years) says how long a certificate holds; `client NAME` again makes a new one.
set -eu
umask 077

export FLEET="${FLEET:-fleet}"
DAYS=${DAYS:-1825}

main() {
    what=${1:-}
    [ "$#" -ge 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
    shift
    case $what in
    broker)
        authority
        issue broker broker "$(addresses "$@")"
        ;;
    client)
        for name; do plain "$name"; done
        authority
        for name; do issue "$name" client; done
        ;;
    revoke)
        for name; do plain "$name"; done
        for name; do revoke "$name"; done
        list
        ;;
    *) echo "What is '$what'? broker, client or revoke." >&2; exit 2 ;;
    esac
}

# A name stands in MQTT topics and in the ACL, where + # / and % mean something.
plain() {
    case $1 in
    broker | ca | "" | *[!A-Za-z0-9_-]*) echo "'$1' is no name: A-Z a-z 0-9 _ and -, not broker or ca." >&2; exit 2 ;;
    esac
}

authority() {
    [ ! -e "$FLEET/ca.key" ] || return 0
    mkdir -p "$FLEET/issued"
    : >"$FLEET/index.txt"
    # A revocation list that has run out would shut out everybody, so it holds as long as the authority.
    cat >"$FLEET/openssl.cnf" <<CONFIG
[ca]
default_ca = fleet
[fleet]
database = \$ENV::FLEET/index.txt
new_certs_dir = \$ENV::FLEET/issued
certificate = \$ENV::FLEET/ca.crt
private_key = \$ENV::FLEET/ca.key
rand_serial = yes
unique_subject = no
default_md = sha256
default_crl_days = 3650
policy = policy
[policy]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[broker]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = \$ENV::ADDRESSES
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[client]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
CONFIG
    key ca
    configured req -new -x509 -key "$FLEET/ca.key" -subj "/CN=edgereel fleet" -days 3650 -extensions authority \
        -out "$FLEET/ca.crt"
    chmod 644 "$FLEET/ca.crt"
    list
}

# issue FILE KIND [ADDRESSES]: a fresh key, and a certificate whose name (CN) is that of the file.
issue() {
    key "$1"
    ADDRESSES=${3:-}
    configured req -new -key "$FLEET/$1.key" -subj "/CN=$1" -out "$FLEET/$1.csr"
    configured ca -batch -notext -days "$DAYS" -extensions "$2" -in "$FLEET/$1.csr" -out "$FLEET/$1.crt"
    rm "$FLEET/$1.csr"
    chmod 644 "$FLEET/$1.crt"
    echo "$FLEET/$1.crt $FLEET/$1.key"
}

# Every certificate that this name was ever given, not only the last one.
revoke() {
    serials=$(awk -F'\t' -v name="/CN=$1" '$1 == "V" && $6 == name { print $4 }' "$FLEET/index.txt")
    [ -n "$serials" ] || { echo "There is no certificate for $1 to revoke." >&2; exit 1; }
    for serial in $serials; do configured ca -revoke "$FLEET/issued/$serial.pem"; done
}

list() {
    configured ca -gencrl -out "$FLEET/ca.crl"
    chmod 644 "$FLEET/ca.crl"
}

key() {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$FLEET/$1.key"
}

# openssl VERB with our configuration, silent unless it fails.
configured() {
    verb=$1
    shift
    said=$(ADDRESSES=${ADDRESSES:-DNS:none} openssl "$verb" -config "$FLEET/openssl.cnf" "$@" 2>&1) || {
        echo "$said" >&2
        exit 1
    }
}

# "board.local 10.0.0.2" -> "DNS:board.local,IP:10.0.0.2"
addresses() {
    for address; do
        case $address in
        *:*) printf 'IP:%s,' "$address" ;;
        *[!0-9.]*) printf 'DNS:%s,' "$address" ;;
        *) printf 'IP:%s,' "$address" ;;
        esac
    done | sed 's/,$//'
}

main "$@"
