# shellcheck shell=bash
# What install, uninstall and bundle share.

# Where everything of a service lies: names SERVICE CONFIGURATION'S-NAME.
names() {
    service=$1
    home=/opt/$1
    current=$home/current
    configuration=/etc/$1/$2.toml
    state=/var/lib/$1
    unit=/etc/systemd/system/$1.service
    udev_rules=/etc/udev/rules.d/60-$1.rules
    sysusers=/etc/sysusers.d/$1.conf
    command_link=/usr/local/bin/$1
}
names sered sered
# what stands beside the service, each enabled as it is
companions="sered-first-boot.service sered-front.service"
# the man page and the shells' completions, below share/
share_files="man/man1/sered.1 bash-completion/completions/sered zsh/site-functions/_sered
    fish/vendor_completions.d/sered.fish"

# a lost terminal must not end an upgrade half-way
say() { printf '%s\n' "$*" || true; }
die() { printf '%s\n' "$*" >&2 || true; exit 1; }

need_root() {
    [ "$(id -u)" -eq 0 ] || die "This changes the system: run it as root (sudo make $1)."
}

need_64_bit() {
    local found
    found=$(dpkg --print-architecture 2>/dev/null) || die \
        "sered is installed on Debian or Raspberry Pi OS, and this is neither: there is no dpkg."
    case $found in
        amd64 | arm64) ;;
        *) die "sered needs a 64-bit Debian or Raspberry Pi OS (arm64 or amd64); this one is" \
            "$found. TensorFlow Lite has no build for it, whatever the processor can do:" \
            "write the 64-bit image to the card." ;;
    esac
}

need_python() {
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || die \
        "sered needs Python 3.11 or newer (Debian 12 and later); this is $(python3 -V)."
}

one_at_a_time() {
    exec 9>/run/sered-install.lock
    flock -n 9 || die "Another install, upgrade or uninstall of sered is running: let it end."
}

as_service() { setpriv --reuid sered --regid sered --clear-groups "$@"; }

systemd_runs() { [ -d /run/systemd/system ]; }

version_in() { sed -n 's/^version = "\(.*\)"$/\1/p' "$1/pyproject.toml"; }

# Seconds since 1970 that everything built is dated: the last commit's, where nobody says another.
date_of() {
    echo "${SOURCE_DATE_EPOCH:-$(git -C "$1" log -1 --format=%ct 2>/dev/null ||
        stat -c %Y "$1/pyproject.toml")}"
}

# VERSION-HASH of what would be installed: two checkouts of one version are told apart, and the
# same one is not built twice
id_of() {
    if [ -f "$1/ID" ]; then
        cat "$1/ID"
        return
    fi
    local hash
    hash=$(cd "$1" && find pyproject.toml device models systemd -type f \
        -not -path '*/__pycache__/*' -print0 | LC_ALL=C sort -z |
        xargs -0 sha256sum | sha256sum | cut -c1-8)
    echo "$(version_in "$1")-$hash"
}

# pip in the environment $1 is held to the versions that this release was tested with, where it was
# tested with this Python; also in what it builds.
pin() {
    local python
    python=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    [ -f "$source/systemd/constraints-$python.txt" ] || return 0
    cp "$source/systemd/constraints-$python.txt" "$1/constraints.txt"
    export PIP_CONSTRAINT=$1/constraints.txt
}

# What a bundle must match: Debian's name, processor and Python.
target_here() {
    echo "$(. /etc/os-release && echo "$VERSION_CODENAME")-$(dpkg --print-architecture)"
}
