# shellcheck shell=bash
# Changes the version that runs: watched for a minute, and back by itself when it does not get well.

watch_s=60
# and three times what the version before took: a slow box is no sick one
ready_s=45

# bring_up BEFORE ID: BEFORE is empty on a fresh box
bring_up() {
    if [ -n "$1" ] && [ "$1" != "$2" ] && systemd_runs && systemctl -q is-active sered; then
        exchange "$1" "$2"
        return
    fi
    use "$2"
    enable sered.service
    if ! systemd_runs; then
        say "No systemd runs here; the service starts with the next boot."
    elif ! systemctl -q is-active sered; then
        systemctl start sered || say "The service did not get ready: journalctl -u sered -n 50"
    fi
}

exchange() {
    local was reason patience
    was=$(judgement)
    patience=$((ready_s + 3 * $(took_s)))
    runs_dry "$2"
    no_worse "$1" "$2"
    say "From $1 to $2, watched for $watch_s s"
    use "$2"
    systemctl restart --no-block sered
    if reason=$(watch_it "$was" "$patience"); then
        enable sered.service
        say "$2 is well: $(judgement)"
        return
    fi
    say "$2 is not well: $reason. Back to $1."
    use "$1"
    systemctl restart sered || true
    systemctl -q is-active sered || die "$1 does not start again either: journalctl -u sered -n 50"
    die "sered runs on as $1. What $2 said: journalctl -u sered --since -5min"
}

enable() {
    local name
    for name in "$1" $companions; do
        [ ! -e "/etc/systemd/system/$name" ] || systemctl -q is-enabled "$name" 2>/dev/null ||
            systemctl -q enable "$name"
    done
}

# The link is exchanged in one step: at every moment one whole version is current.
use() {
    if [ "$(readlink "$current" || true)" != "$home/$1" ]; then
        ln -sfn "$home/$1" "$home/.next"
        mv -T "$home/.next" "$current"
    fi
    local there=$home/$1/share/sered/systemd name changed=''
    # shellcheck disable=SC2154 # lib.sh names them
    for name in sered.service $companions; do
        # the way back leads to versions that had fewer
        if [ ! -e "$there/$name" ]; then
            [ ! -e "/etc/systemd/system/$name" ] || drop "$name"
        elif ! cmp -s "$there/$name" "/etc/systemd/system/$name"; then
            install -m 0644 "$there/$name" "/etc/systemd/system/$name"
            changed=yes
        fi
    done
    [ -z "$changed" ] || ! systemd_runs || systemctl daemon-reload
}

drop() {
    systemctl -q disable "$1" 2>/dev/null || true
    rm -f "/etc/systemd/system/$1"
}

# online, degraded or nothing: what the service says of itself
judgement() { systemctl show sered -P StatusText | cut -d: -f1; }

# A version that cannot even begin must not end one that listens.
runs_dry() {
    local said
    # the way back leads to versions that do not know the option
    "$home/$1/bin/sered" run --help 2>/dev/null | grep -q -- --dry-run || return 0
    said=$(as_service "$home/$1/bin/sered" run --dry-run --config "$configuration" 2>&1) ||
        die "$1 cannot begin - nothing was switched, what ran before runs on. It says: $said"
}

# The new version may not find a fault that the running one does not find.
no_worse() {
    local new
    new=$(comm -13 <(failing "$home/$1") <(failing "$home/$2")) || true
    [ -z "$new" ] || die "$2 finds faults that $1 does not:" $new \
        "- nothing was switched. See: $home/$2/bin/sered diagnose"
}

# Names of the checks that fail; a version that cannot even examine fails that. A check that ran out
# of time says that the box is busy; a version that hangs is found out when it is watched.
failing() {
    "$1/bin/sered" diagnose --json 2>/dev/null | python3 -c '
import json, sys
try:
    checks = json.load(sys.stdin)["checks"]
except ValueError:
    print("diagnose")
    sys.exit()
for check in checks:
    if check["mark"] == "fail" and check.get("fault") != "hung":
        print(check["id"], check["line"] or "", sep="/")' | sort -u
}

# Seconds that the service took from its start until it was ready.
took_s() {
    local began ready
    began=$(systemctl show sered -P InactiveExitTimestampMonotonic)
    ready=$(systemctl show sered -P ActiveEnterTimestampMonotonic)
    [ "${ready:-0}" -gt "${began:-0}" ] || { echo 0 && return; }
    echo $(((ready - began) / 1000000))
}

# watch_it WAS PATIENCE: succeeds when the service gets ready and stays so; else prints why not
watch_it() {
    local end='' ready_by=$((SECONDS + $2)) now
    while [ -z "$end" ] || [ $SECONDS -lt "$end" ]; do
        sleep 1
        if [ "$(systemctl show sered -P NRestarts)" -gt 0 ]; then
            echo "it ended ($(systemctl show sered -P Result)) and was restarted"
            return 1
        fi
        case $(systemctl is-active sered) in
            active) end=${end:-$((SECONDS + watch_s))} ready_by=$end ;;
            failed | inactive) echo "it stopped" && return 1 ;;
            *) [ $SECONDS -lt "$ready_by" ] || { echo "not ready within $2 s" && return 1; } ;;
        esac
    done
    now=$(judgement)
    if [ "$1" = online ] && [ "$now" != online ]; then
        echo "it says: $(systemctl show sered -P StatusText)"
        return 1
    fi
}
