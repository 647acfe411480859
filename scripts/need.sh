# Sourced by the other scripts.

step() {
    printf '\n== %s\n' "$*"
    "$@"
}

# need PROGRAM PACKAGE: installs Debian's package unless the program is there.
need() {
    local program=$1 package=$2
    command -v "$program" >/dev/null && return
    local become=()
    [ "$(id -u)" -eq 0 ] || become=(sudo)
    step "${become[@]}" apt-get update
    step "${become[@]}" apt-get install --yes --no-install-recommends "$package"
}
