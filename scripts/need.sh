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

# need PROGRAM PACKAGE [PROGRAM PACKAGE]...: installs Debian's packages of those programs that are not there.
need() {
    local packages=() become=()
    while [ $# -gt 0 ]; do
        is_there "$1" || packages+=("$2")
        shift 2
    done
    [ "${#packages[@]}" -gt 0 ] || return 0
    [ "$(id -u)" -eq 0 ] || become=(sudo)
    if [ -z "${packages_are_listed:-}" ]; then
        step "${become[@]}" apt-get update
        packages_are_listed=yes
    fi
    step "${become[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends "${packages[@]}"
}
