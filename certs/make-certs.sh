#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes the development certificates: a CA, the broker, the gateway, the operator's, the back office's
# and the simulator's client certificates, and one certificate for each vehicle. Running it again keeps
# what is there and adds what is missing. Production uses its own CA: see README.md here.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: certs/make-certs.sh [--out DIR] [--days N] [--vehicle ID]... [--host NAME]... [--force]

  --out DIR      where the files go (default: certs/out, ignored by git)
  --days N       days until the certificates end (default 365; the CA lives at least 3650)
  --vehicle ID   make a certificate for this vehicle; may be repeated
                 (default: the vehicles that are there already, at first car-0001)
  --host NAME    one more name or address of the broker; may be repeated
                 (localhost, 127.0.0.1 and ::1 are always in)
  --force        start over: a new CA, and every certificate of the old one is removed
  --help         show this text

What exists and still fits is kept, so running it again with more --vehicle adds only these,
and running it with no option at all renews what ends within a day.
USAGE
}

fail() {
    printf 'make-certs: %s\n' "$*" >&2
    exit 1
}

readonly ca_organisation='fleet-edge-gateway development'
readonly ca_days_min=3650

# These may not be vehicles. The first six are streams, the second level of topics the gateway
# itself publishes: the pattern `fleet/%u/#` would let such a vehicle forge outliers. The rest
# have rights or files of their own.
readonly reserved_ids=' enriched outlier firing current raw schema dead_letter gateway ops backoffice fleet broker ca '

out="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/out"
days=365
force=false
vehicles=()
hosts=()

# True for what may be a file name, a certificate's CN (64 characters at most, X.520 ub-common-name)
# and one level of an MQTT topic.
is_vehicle_id() {
    [[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$ ]]
}

# Prints the subjectAltName entry for a host: `IP:` for an address, `DNS:` for a name.
san_entry() {
    if [[ $1 == *:* || $1 =~ ^[0-9]+(\.[0-9]+){3}$ ]]; then
        printf 'IP:%s' "$1"
    else
        printf 'DNS:%s' "$1"
    fi
}

parse_arguments() {
    local option
    while (($# > 0)); do
        option=$1
        case $option in
        --help | -h)
            usage
            exit 0
            ;;
        --force)
            force=true
            shift
            continue
            ;;
        --out | --days | --vehicle | --host)
            (($# >= 2)) || fail "$option needs a value (--help shows the options)"
            ;;
        *) fail "unknown option $option (--help shows the options)" ;;
        esac
        case $option in
        --out) out=$2 ;;
        --days) days=$2 ;;
        --vehicle) vehicles+=("$2") ;;
        --host) hosts+=("$2") ;;
        esac
        shift 2
    done

    [[ -n $out ]] || fail '--out: must not be empty'
    [[ $days =~ ^[1-9][0-9]{0,4}$ ]] || fail "--days: must be a number from 1 to 99999 (got $days)"
    local name
    for name in ${vehicles[@]+"${vehicles[@]}"}; do
        is_vehicle_id "$name" ||
            fail "--vehicle: '$name' needs 1 to 64 of A-Z a-z 0-9 . _ -, first a letter or digit"
        [[ $reserved_ids != *" ${name,,} "* ]] ||
            fail "--vehicle: '$name' is reserved: such a vehicle could publish as somebody else"
    done
    for name in ${hosts[@]+"${hosts[@]}"}; do
        [[ $name =~ ^[A-Za-z0-9:.*-]+$ ]] ||
            fail "--host: '$name' is neither a host name nor an address"
    done
}

# Prints the ids of the vehicles that have a certificate, or the first run's one.
present_vehicles() {
    local file found=false
    for file in "$out"/vehicles/*.crt; do
        [[ -e $file ]] || continue
        found=true
        basename "$file" .crt
    done
    [[ $found == true ]] || echo car-0001
}

# Writes FILE.key and FILE.crt for the CN, signed by the CA. Both appear whole or not at all.
#   issue FILE CN EXTENDED_KEY_USAGE [SUBJECT_ALT_NAME]
issue() {
    local file=$1 cn=$2 purpose=$3 san=${4-}
    local extensions=(
        -addext 'basicConstraints=critical,CA:FALSE'
        -addext 'keyUsage=critical,digitalSignature'
        -addext "extendedKeyUsage=$purpose"
        -addext 'subjectKeyIdentifier=hash'
        -addext 'authorityKeyIdentifier=keyid'
    )
    [[ -z $san ]] || extensions+=(-addext "subjectAltName=$san")
    make_certificate "$file" "/O=$ca_organisation/CN=$cn" "$days" \
        -CA "$out/ca.crt" -CAkey "$out/ca.key" "${extensions[@]}"
}

#   make_certificate FILE SUBJECT DAYS OPENSSL_OPTION...
make_certificate() {
    local file=$1 subject=$2 lifetime=$3
    shift 3
    openssl req -x509 -config "$scratch/openssl.cnf" -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
        -noenc -sha256 -days "$lifetime" -subj "$subject" \
        -keyout "$scratch/key" -out "$scratch/crt" "$@" 2>"$scratch/log" || {
        cat "$scratch/log" >&2
        fail "openssl could not make $file.crt"
    }
    chmod 600 "$scratch/key"
    chmod 644 "$scratch/crt"
    mv -f "$scratch/key" "$file.key"
    mv -f "$scratch/crt" "$file.crt"
    printf 'made  %s.crt\n' "$file"
}

# True when the certificate has its key, comes from this CA and lives for another day at least.
is_good() {
    [[ -s $1.key && -s $1.crt ]] &&
        openssl verify -CAfile "$out/ca.crt" "$1.crt" >/dev/null 2>&1 &&
        openssl x509 -in "$1.crt" -noout -checkend 86400 >/dev/null
}

issue_client() {
    is_good "$1" || issue "$1" "$2" clientAuth
}

make_ca() {
    local lifetime=$((days > ca_days_min ? days : ca_days_min))
    make_certificate "$out/ca" "/O=$ca_organisation/CN=fleet-edge-gateway development CA" \
        "$lifetime" \
        -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' \
        -addext 'keyUsage=critical,keyCertSign,cRLSign' \
        -addext 'subjectKeyIdentifier=hash'
}

# Keeps a CA that is there. Only --force replaces it, and only when this script made it, so that
# a wrong --out never destroys somebody's real CA.
prepare_ca() {
    if [[ ! -e $out/ca.crt && ! -e $out/ca.key ]]; then
        make_ca
        return
    fi
    [[ -s $out/ca.crt && -s $out/ca.key ]] ||
        fail "$out holds half a CA (ca.crt, ca.key); remove it or give another --out"
    if [[ $force == false ]]; then
        openssl x509 -in "$out/ca.crt" -noout -checkend 86400 >/dev/null ||
            fail "the CA in $out has ended; --force starts over with a new one"
        return
    fi
    openssl x509 -in "$out/ca.crt" -noout -subject 2>/dev/null | grep -qF "$ca_organisation" ||
        fail "$out/ca.crt was not made by this script and will not be overwritten"
    rm -f "$out"/{ca,broker,gateway,ops,backoffice,fleet}.{crt,key} "$out"/vehicles/*.{crt,key}
    make_ca
}

# True when the broker's certificate is for this name or address.
broker_covers() {
    local check=-checkhost
    [[ $(san_entry "$1") == DNS:* ]] || check=-checkip
    openssl x509 -in "$out/broker.crt" -noout "$check" "$1" 2>/dev/null | grep -q 'does match'
}

# A certificate that lacks a name asked for is made again, with that name and those it had.
issue_broker() {
    local name san='' missing=()
    for name in localhost 127.0.0.1 ::1 ${hosts[@]+"${hosts[@]}"}; do
        broker_covers "$name" || missing+=("$name")
    done
    if ((${#missing[@]} == 0)) && is_good "$out/broker"; then
        return
    fi
    if [[ -s $out/broker.crt ]]; then
        san=$(openssl x509 -in "$out/broker.crt" -noout -ext subjectAltName |
            tail -n +2 | sed -E 's/ //g; s/IPAddress:/IP:/g')
    fi
    for name in ${missing[@]+"${missing[@]}"}; do
        san+="${san:+,}$(san_entry "$name")"
    done
    issue "$out/broker" broker serverAuth "$san"
}

main() {
    parse_arguments "$@"
    command -v openssl >/dev/null || fail 'openssl is not installed (scripts/install-deps.sh)'

    umask 077
    mkdir -p "$out/vehicles"
    chmod 755 "$out" "$out/vehicles"
    # On the same file system as the result, so that `mv` replaces a file in one step.
    scratch=$(mktemp -d "$out/.make-certs.XXXXXX")
    trap 'rm -rf "$scratch"' EXIT
    # The system's openssl.cnf would add extensions of its own.
    printf '[req]\ndistinguished_name = dn\n[dn]\n' >"$scratch/openssl.cnf"

    prepare_ca
    ((${#vehicles[@]} > 0)) || mapfile -t vehicles < <(present_vehicles)
    issue_broker
    issue_client "$out/gateway" gateway
    issue_client "$out/ops" ops
    issue_client "$out/backoffice" backoffice
    issue_client "$out/fleet" fleet
    local id
    for id in "${vehicles[@]}"; do
        issue_client "$out/vehicles/$id" "$id"
    done
}

main "$@"
