#!/bin/sh
# packages.sh GROUP... -- install the Debian packages that are missing, and say so.
#
#   build   to compile build/sluice, run it and follow the README: tzdata has the time zones that
#           rules may name, and a small Debian has neither it nor curl
#   test    to run the tests on top of that
#   kafka   a Kafka broker, for the tests and for development: Java, and Maven to fetch the jars
#   try     what `make run KAFKA=1` runs beside Sluice, and the tool its examples use
#   runtime to run a build/sluice that was built elsewhere: docker/Dockerfile's second stage
#   bench   the load generator
#   fuzz    libFuzzer, for `make fuzz T=`
#
# The only list of packages there is. Looks first: when nothing is missing, apt is not called.
set -eu

packages_of() {
    case $1 in
    build)
        echo gcc g++ make pkg-config libc6-dev libmicrohttpd-dev libhiredis-dev libjansson-dev \
            libuv1-dev libyaml-dev libsodium-dev libxxhash-dev libdeflate-dev librdkafka-dev \
            libre2-dev libarchive-dev libcurl4-gnutls-dev tzdata curl
        ;;
    test)
        echo libcmocka-dev clang clang-format clang-tidy redis-server kcat python3 \
            python3-venv ca-certificates
        ;;
    kafka) echo default-jre-headless maven ca-certificates python3 ;;
    try) echo redis-server kcat ;;
    runtime)
        echo libmicrohttpd12 libhiredis0.14 libjansson4 libuv1 libyaml-0-2 libsodium23 libxxhash0 \
            libdeflate0 librdkafka1 libre2-9 libarchive13 libcurl3-gnutls libstdc++6 tzdata ca-certificates
        ;;
    bench) echo wrk redis-server ;;
    fuzz) echo clang libclang-rt-14-dev ;;
    *)
        echo "packages.sh: no group '$1' (build, test, kafka, try, runtime, bench, fuzz)" >&2
        exit 2
        ;;
    esac
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

if [ $# -eq 0 ]; then
    echo "usage: packages.sh build|test|kafka|try|runtime|bench|fuzz ..." >&2
    exit 2
fi
wanted=
for group in "$@"; do
    names=$(packages_of "$group")
    wanted="$wanted $names"
done

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "packages.sh: this is no Debian system; make sure that you have the likes of:$wanted" >&2
    exit 0
fi

missing=
for package in $wanted; do
    case " $missing " in *" $package "*) continue ;; esac
    is_installed "$package" || missing="${missing:+$missing }$package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "packages.sh: missing: $missing" >&2
        echo "packages.sh: installing needs root, and there is no sudo. As root, run:" >&2
        echo "    apt-get update && apt-get install -y --no-install-recommends $missing" >&2
        exit 1
    fi
    as_root=sudo
fi

# `env` because sudo drops the variable otherwise.
apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q "$@" </dev/null
}

echo "installing missing Debian packages: $missing"
apt update
apt install -y --no-install-recommends $missing
