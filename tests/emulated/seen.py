"""What a card that has started looks like from the inside, and how long that may take."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulated.card import Card

BOOT_S = 3600.0
VERDICT_S = 7200.0
"""By this machine's clock: what ends a wait is what was waited for, or a machine that went off."""
_LOOK = """\
hostname; readlink /etc/localtime; findmnt -no OPTIONS /; df --output=size /data | tail -n 1
ls /boot/firmware/sered-mqtt-password /var/log/journal 2>/dev/null | wc -l
grep -c 'taken over' /boot/firmware/sered-says.txt
passwd -S admin; passwd -S root
systemctl --failed --no-legend | wc -l
token=$(grep -o 'token=[A-Za-z0-9_-]*' /boot/firmware/sered-says.txt | tail -n 1)
for path in / "/?$token"; do python3 -c "import http.client, sys
page = http.client.HTTPConnection('127.0.0.1')
page.request('GET', sys.argv[1])
print(page.getresponse().status)" "$path"; done
systemd-analyze; free -m
"""


def looked_at(card: Card) -> str:
    """What the first start was to do is done; how many files this start took over."""
    said = card.run(_LOOK)
    print(said, flush=True)
    name, zone, root, size, left, taken, admin, super_user, failed = said.splitlines()[:9]
    # without the token the page is shut, with it the way in
    assert said.splitlines()[9:11] == ["403", "303"]
    assert name == "desk-7"
    assert "Berlin" in zone
    assert root.startswith("ro")
    assert int(size) > 1_000_000, "the last partition did not grow"
    assert left == "0", "a secret is still on the boot partition, or a journal on the disk"
    assert {admin.split()[1], super_user.split()[1]} == {"L"}
    assert failed == "0"
    return taken


def say(what: str, seconds: float, by_its_clock: float = 0.0) -> None:
    own = f", {by_its_clock:.0f} s by the card's own clock" if by_its_clock else ""
    print(f"{what}: {seconds:.0f} s{own}", flush=True)
