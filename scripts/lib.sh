# Shared by the scripts next to it: sourced, never run. Leaves the caller in the repository's root.
# shellcheck shell=bash disable=SC2034
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

# Debian's own Python: the one that Debian's python3-* packages belong to.
PYTHON=${PYTHON:-/usr/bin/python3}

# a|b|c: any of them will do, the first is installed.
BUILD_PACKAGES="gcc libc6-dev meson ninja-build pkg-config libmicrohttpd-dev libjansson-dev
	libopenblas-serial-dev|libopenblas-pthread-dev|libopenblas-openmp-dev"
TEST_PACKAGES="libcriterion-dev python3-pytest python3-numpy python3-torch valgrind clang-14 clang-format-14
	libclang-rt-14-dev binutils qemu-user curl jq nodejs"
BENCH_PACKAGES="wrk python3-numpy python3-torch"

say() {
	printf '%s\n' "$*" >&2
}

installed() {
	dpkg-query -W -f '${Status}\n' "$1" 2>/dev/null | grep -q '^install ok installed$'
}

# any_installed "a|b|c"
any_installed() {
	local package
	for package in ${1//|/ }; do
		! installed "$package" || return 0
	done
	return 1
}

# Installs those of the packages that are missing. Does nothing, and needs no rights, when all are there.
need_packages() {
	local package missing=() as_root=()
	for package in "$@"; do
		any_installed "$package" || missing+=("${package%%|*}")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	[ "$(id -u)" = 0 ] || as_root=(sudo)
	say "installing ${missing[*]}"
	"${as_root[@]}" apt-get update -q >&2 </dev/null
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get install -q -y --no-install-recommends "${missing[@]}" >&2 </dev/null
}

# build_in FOLDER [MESON OPTION...]: configures once, then builds. The compiler's output only if it fails.
build_in() {
	local folder=$1 log
	shift
	log=$(mktemp)
	if ! {
		{ [ -f "$folder/build.ninja" ] || meson setup "$folder" "$@"; } && ninja -C "$folder"
	} >"$log" 2>&1 </dev/null; then
		cat "$log" >&2
		rm -f "$log"
		return 1
	fi
	rm -f "$log"
}
