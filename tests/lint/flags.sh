# flags.sh -- sourced by the shell lints, from the root: how a source is compiled, in $flags, and
# one in C++, in $cxxflags.

libs="libmicrohttpd hiredis jansson yaml-0.1 libuv libsodium libdeflate re2 libarchive libcurl"
if ! cflags=$(pkg-config --cflags $libs); then
    echo "not ok $(basename "$0" .sh) (build packages are missing: make deps)"
    exit 1
fi
flags="-std=gnu11 -D_GNU_SOURCE -DSLUICE_VERSION=\"0\" -I. $cflags"
cxxflags="-std=c++17 -fno-exceptions -D_GNU_SOURCE -I."
warn="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"
