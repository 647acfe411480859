# shellcheck shell=bash
# Sourced by the other scripts.

step() {
    printf '\n== %s\n' "$*"
    "$@"
}

# is_there PROGRAM: tells whether a program is on the search path, or a file matches a pattern with slashes.
is_there() {
    case $1 in
        */*) compgen -G "$1" >/dev/null ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# Fetches the lists of Debian's packages, once.
list_packages() {
    [ -z "${packages_are_listed:-}" ] || return 0
    step as_root apt-get update
    packages_are_listed=yes
}

# need PROGRAM PACKAGE [PROGRAM PACKAGE]...: installs Debian's packages of those programs that are not there.
need() {
    local packages=()
    while [ $# -gt 0 ]; do
        is_there "$1" || packages+=("$2")
        shift 2
    done
    [ "${#packages[@]}" -gt 0 ] || return 0
    list_packages
    step as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends "${packages[@]}"
}
