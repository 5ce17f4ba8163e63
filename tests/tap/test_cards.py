"""A card is known by a name that stays, and never mistaken for another."""

from __future__ import annotations

import os
import pwd
import shutil
from typing import TYPE_CHECKING

import pytest

from sered.errors import DeviceError
from sered.tap.cards import Card, complain, explain, find, is_hardware, read_cards

if TYPE_CHECKING:
    from pathlib import Path

CARDS = """\
 0 [Headphones     ]: bcm2835_headpho - bcm2835 Headphones
                      bcm2835 Headphones
 1 [Device         ]: USB-Audio - USB Audio Device
                      C-Media Electronics Inc. USB Audio Device at usb-0000:01:00.0-1.3, full speed
 2 [Device_1       ]: USB-Audio - USB Audio Device
                      C-Media Electronics Inc. USB Audio Device at usb-0000:01:00.0-1.4, full speed
 3 [sndrpihifiberry]: HifiberryDacp - snd_rpi_hifiberry_dacplusadc
                      snd_rpi_hifiberry_dacplusadc
 7 [UR22           ]: USB-Audio - Steinberg UR22
                      Yamaha Corporation Steinberg UR22 at usb-0000:01:00.0-1.1, high speed
"""


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A Raspberry Pi's /proc, /sys and /dev with five cards, four of which record."""
    asound = tmp_path / "proc/asound"
    asound.mkdir(parents=True)
    (asound / "cards").write_text(CARDS)
    places = {
        1: ("usb1/1-1/1-1.3", "1-1.3:1.0", ("0d8c", "0014", "")),
        2: ("usb1/1-1/1-1.4", "1-1.4:1.0", ("0d8c", "0014", "")),
        3: ("platform/soc", "soc:sound", None),
        7: ("usb1/1-1/1-1.1", "1-1.1:1.0", ("0499", "170F", "SN 42")),
    }
    for number, (owner, device, usb) in places.items():
        (asound / f"card{number}/pcm0p").mkdir(parents=True)
        (asound / f"card{number}/pcm0c/sub0").mkdir(parents=True)
        (asound / f"card{number}/pcm0c/sub0/status").write_text("closed\n")
        folder = tmp_path / "sys/devices" / owner / device
        folder.mkdir(parents=True)
        if usb:
            for name, value in zip(("idVendor", "idProduct", "serial"), usb, strict=True):
                if value:
                    (folder.parent / name).write_text(value + "\n")
        link = tmp_path / f"sys/class/sound/card{number}"
        link.mkdir(parents=True)
        (link / "device").symlink_to(folder)
    (asound / "card0/pcm0p").mkdir(parents=True)
    (tmp_path / "dev").mkdir()
    return tmp_path


def cards(box: Path) -> list[Card]:
    return read_cards(box / "proc", box / "sys")


def test_cards_that_record_are_listed_with_every_stable_name(box: Path) -> None:
    """USB identity first, then ALSA's id, then the port; a card that only plays is left out."""
    assert [card.names for card in cards(box)] == [
        ("usb:0d8c:0014", "card:Device", "path:1-1.3"),
        ("usb:0d8c:0014", "card:Device_1", "path:1-1.4"),
        ("card:sndrpihifiberry", "path:soc:sound"),
        ("usb:0499:170f:SN 42", "card:UR22", "path:1-1.1"),
    ]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("card:UR22", 7),
        ("usb:0499:170F", 7),
        ("usb:0499:170f:SN 42", 7),
        ("path:1-1.4", 2),
        ("path:soc:sound", 3),
        ("card:Device", 1),
    ],
)
def test_each_name_finds_its_card(box: Path, name: str, number: int) -> None:
    """By whatever stable name it is called."""
    assert find(name, cards(box)).number == number


@pytest.mark.parametrize(
    "name", ["card:Devic", "card:", "usb:0d8c:9999", "usb:0499:170f:SN 43", "usb:0499", "card:0"]
)
def test_no_card_is_taken_for_another(box: Path, name: str) -> None:
    """A card that is not there is missing, whatever else is plugged in."""
    with pytest.raises(DeviceError, match=f"No card {name}; found usb:") as caught:
        find(name, cards(box))
    assert caught.value.reason == "no_device"


def test_twins_are_not_guessed(box: Path) -> None:
    """Two cards of one make without serial numbers are told apart by port only."""
    with pytest.raises(DeviceError, match=r"2 cards are usb:0d8c:0014.*path:1-1\.3, path:1-1\.4"):
        find("usb:0d8c:0014", cards(box))


def test_another_port_has_a_reason_of_its_own(box: Path) -> None:
    """A card that is named by its port and comes back on another is not opened, but pointed at."""
    with pytest.raises(DeviceError, match=r"Steinberg UR22 at path:1-1\.1") as caught:
        find("path:1-1.2", cards(box))
    assert caught.value.reason == "wrong_port"


def test_another_lines_card_is_no_sign_of_a_wrong_port(box: Path) -> None:
    """Twins named by port: one pulled out is missing, though the other line's is plugged in."""
    others = ["path:1-1.4", "usb:0499:170f", "card:sndrpihifiberry"]
    left = [card for card in cards(box) if card.bus != "1-1.3"]
    with pytest.raises(DeviceError, match=r"No card path:1-1\.3") as caught:
        find("path:1-1.3", left, others)
    assert caught.value.reason == "no_device"
    with pytest.raises(DeviceError, match=r"there is Steinberg UR22 at path:1-1\.1\.") as caught:
        find("path:1-1.3", left, ["path:1-1.4", "card:sndrpihifiberry"])
    assert caught.value.reason == "wrong_port"


def test_a_renumbered_card_keeps_its_name(box: Path) -> None:
    """After a replug under another index the same name finds it."""
    text = (box / "proc/asound/cards").read_text()
    (box / "proc/asound/cards").write_text(text.replace(" 7 [UR22", " 4 [UR22"))
    (box / "proc/asound/card7").rename(box / "proc/asound/card4")
    (box / "sys/class/sound/card7").rename(box / "sys/class/sound/card4")
    assert find("usb:0499:170f", cards(box)).number == 4


def test_no_sound_system_is_no_card(tmp_path: Path) -> None:
    """A box whose kernel has no sound lists nothing, and says so in the error."""
    assert read_cards(tmp_path, tmp_path) == []
    with pytest.raises(DeviceError, match="found no card that records"):
        find("card:Device", [])


def refusal(box: Path) -> DeviceError:
    return explain(find("card:UR22", cards(box)), "Invalid rate", box / "proc", box / "dev")


def test_a_card_in_use_names_the_program(box: Path) -> None:
    """Who has it, by name and process."""
    (box / "dev/pcmC7D0c").touch()
    status = box / "proc/asound/card7/pcm0c/sub0/status"
    status.write_text("state: RUNNING\nowner_pid   : 812\ntrigger_time: 1.5\n")
    (box / "proc/812").mkdir()
    (box / "proc/812/comm").write_text("arecord\n")
    error = refusal(box)
    assert error.reason == "busy"
    assert "in use by arecord (process 812)" in str(error)


@pytest.fixture
def forbidden(box: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The box, its card's device not for this user but for the group `games`."""
    node = box / "dev/pcmC7D0c"
    node.touch()
    shutil.chown(node, group="games")
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may open anything
    return box


def test_a_forbidden_card_names_user_and_group(forbidden: Path) -> None:
    """Which group opens it, who has to join it, and how."""
    error = refusal(forbidden)
    assert error.reason == "no_permission"
    assert "belongs to group games" in str(error)
    assert f"usermod -aG games {pwd.getpwuid(os.getuid()).pw_name}`" in str(error)


def test_a_group_that_the_sandbox_hides_is_not_called_nogroup(forbidden: Path) -> None:
    """In a user namespace every other group shows as `nogroup`: the usual one is named instead."""
    (forbidden / "proc/sys/kernel").mkdir(parents=True)
    gid = (forbidden / "dev/pcmC7D0c").stat().st_gid
    (forbidden / "proc/sys/kernel/overflowgid").write_text(f"{gid}\n")
    error = refusal(forbidden)
    assert error.reason == "no_permission"
    assert "games" not in str(error)
    assert "usermod -aG audio " in str(error)


@pytest.mark.parametrize(("there", "how"), [(False, "not there yet"), (True, "still root's alone")])
def test_a_card_that_udev_has_not_handed_over_is_not_ready(
    forbidden: Path,
    there: bool,
    how: str,
) -> None:
    """Listed by the kernel, its device missing or root's own: nobody has to act, it comes late."""
    node = forbidden / "dev/pcmC7D0c"
    shutil.chown(node, group="root")
    if not there:
        node.unlink()
    error = refusal(forbidden)
    assert error.reason == "not_ready"
    assert how in str(error)


def test_any_other_fault_is_told_as_the_library_tells_it(box: Path) -> None:
    """No reason is invented."""
    (box / "dev/pcmC7D0c").touch()
    error = refusal(box)
    assert error.reason == "failed"
    assert "Invalid rate" in str(error)


@pytest.mark.parametrize("reason", ["no_device", "busy", "no_frames", "failed"])
def test_every_fault_of_a_pcm_is_a_sentence_that_names_it(reason: str) -> None:
    """A PCM that the kernel does not know has its sentences too."""
    error = complain("pcm:tap", DeviceError("no sound for 3 s", reason))
    assert error.reason == reason
    assert "pcm:tap" in str(error)
    assert str(error).endswith(".")


def test_only_cards_of_the_kernel_are_hardware() -> None:
    """PCMs and the default are looked up by PortAudio."""
    assert [is_hardware(n) for n in ("card:A", "usb:1:2", "path:1-1", "pcm:tap", "default")] == [
        True,
        True,
        True,
        False,
        False,
    ]
