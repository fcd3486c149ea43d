#!/bin/sh
# uMeter - build the host's MicroPython (unix port, 32-bit, ESP32-like) from Debian's source packages
# MIT license; Copyright (c) 2026 The uMeter authors
#
# usage: get-micropython.sh RESULT WORKDIR
#   SUITE          Debian suite whose micropython is taken (trixie: 1.25.0, stays; forky moves)
#   CC32           compiler that makes 32-bit programs ("gcc -m32")
#   MPY_CROSS      mpy-cross to use
#   DEBIAN_MIRROR  where the suite lies, else apt's own configuration says it
#   SETTRACE=1     with sys.settrace, for coverage
#   MAKE_EXTRA     more arguments for make
#
# Why so: the packaged binary is 64-bit with double floats and threads without GIL, which hides
# what goes wrong on the chip. Debian's package of the source is what its mirrors keep for years.
# apt runs on a root of its own below WORKDIR: nothing of the system's is read or written, no root.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
result=$1
mkdir -p "$2"
work=$(cd "$2" && pwd)
suite=${SUITE:-trixie}
cc=${CC32:-gcc -m32}
mpy_cross=${MPY_CROSS:-$(command -v mpy-cross)}
src=$work/src
say() { echo "  micropython: $*"; }
die() { echo "get-micropython: $*" >&2; exit 1; }

# MicroPython's makefiles understand no path with a space.
case $work$here in
    *" "*)
        plain=$(mktemp -d)
        trap 'rm -rf "$plain"' EXIT
        ln -s "$mpy_cross" "$plain/mpy-cross"
        ln -s "$here/variant" "$plain/variant"
        here=$plain
        mpy_cross=$plain/mpy-cross
        src=$plain/src
        ;;
esac

echo 'int main(void){return 0;}' > "$work/cctest.c"
# shellcheck disable=SC2086  # CC32 is a command with arguments
$cc "$work/cctest.c" -o "$work/cctest" 2>/dev/null && "$work/cctest" ||
    die "'$cc' makes no 32-bit programs that run here: apt-get install gcc-multilib, or set CC32"

# 1. A private apt that knows the source packages of the suite.
apt=$work/apt
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
key=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$key" ] || die "no $key: apt-get install debian-archive-keyring"
uri=${DEBIAN_MIRROR:-$(apt-get indextargets \
    --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)' 'Created-By: Packages' |
    awk '$3 == "main" && $4 == "Debian" && $2 !~ /security|updates|backports/ { print $1; exit }')}
# Ubuntu's apt knows none, but has a package with the address of one.
other=/usr/share/python-apt/templates/Debian.info
[ -n "$uri" ] || [ ! -r $other ] || uri=$(awk '$1 == "BaseURI:" { print $2; exit }' $other)
[ -n "$uri" ] || die "apt knows no Debian mirror: run apt-get update once, or set DEBIAN_MIRROR=<url>"
for s in trixie "$suite"; do
    echo "deb-src [signed-by=$key] $uri $s main"
done | sort -u > "$apt/sources.list"
cat > "$apt/apt.conf" <<X
Dir::Etc::SourceList "$apt/sources.list"; Dir::Etc::SourceParts "-";
Dir::State::Lists "$apt/lists"; Dir::Cache "$apt/cache";
Acquire::Languages "none"; Acquire::Retries "3";
APT::Sandbox::User "root";
X

# 2. The sources. MicroPython's package has no TLS library, and cryptolib needs one.
say "fetching the sources of MicroPython ($suite) and mbedTLS"
rm -rf "$src" "$work/dl"
mkdir -p "$src/lib/mbedtls" "$work/dl"
(
    cd "$work/dl"
    export APT_CONFIG="$apt/apt.conf"
    apt-get -qq update
    apt-get -qq source --download-only "micropython/$suite" mbedtls/trixie
)
tar xf "$work"/dl/micropython_*.orig.tar.* -C "$src" --strip-components=1 \
    --exclude='*/docs' --exclude='*/tests' --exclude='*/ports/stm32'
tar xf "$work"/dl/mbedtls_*.orig.tar.* -C "$src/lib/mbedtls" --strip-components=1 \
    --wildcards '*/include' '*/library' '*/3rdparty'
# The makefile looks for these two files to see whether git submodules are there.
touch "$src/lib/micropython-lib/README.md" "$src/lib/mbedtls/README.md"

# 3. Build.
say "compiling, takes about a minute"
# shellcheck disable=SC2086  # MAKE_EXTRA is a list
make -s -C "$src/ports/unix" -j"$(nproc)" VARIANT_DIR="$here/variant" VARIANT=variant \
    CC="$cc" SETTRACE="${SETTRACE:-0}" ${MAKE_EXTRA:-} \
    MICROPY_MPYCROSS="$mpy_cross" MICROPY_MPYCROSS_DEPENDENCY= \
    > "$work/build.log" 2>&1 || { tail -20 "$work/build.log" >&2; die "see $work/build.log"; }
built=$(echo "$src"/ports/unix/build-*/micropython)
"$built" -c 'import sys, cryptolib, tls, asyncio, _thread; assert sys.maxsize == 0x7fffffff' ||
    die "the result does not run or is not 32-bit"
cp "$built" "$result.new"
mv -f "$result.new" "$result"  # a rename: the old one may be running
rm -rf "$src" "$work/dl"
