"""Checks of the way to the broker, step by step: name, port, certificate, login, topics, echo."""

from __future__ import annotations

from sered.diagnose.checks import network, probing
from sered.diagnose.model import Check, Group

_CA = "docs/mqtt shows how to make an authority and certificates."

CHECKS = (
    Check(
        "broker.name",
        "the broker's name leads to an address",
        "Without it nothing can be sent; verdicts wait in the spool.",
        network.name,
        failures={
            "unknown": "Is it spelt right in [mqtt] host? If it is a name of this site's own "
            "network: `getent hosts {host}`, and ask who runs its DNS.",
            "no_dns": "No name server answers: is the network cable in (`ip address`), is there "
            "a name server (`cat /etc/resolv.conf`)? An IP address as [mqtt] host does without.",
        },
        deadline_s=8.0,
        fatal=True,
    ),
    Check(
        "broker.port",
        "the broker's port is open",
        "A firewall or a stopped broker shows here, before passwords and certificates do.",
        network.port,
        failures={
            "refused": "Nothing listens at {where}: is the broker running, is [mqtt] port right "
            "(1883 in clear, 8883 with TLS), may it be reached from other machines?",
            "no_answer": "{where} is switched off or a firewall drops the way to it: ask who runs "
            "the network to open it.",
            "no_route": "This box has no way to {where}: `ip route`, the network cable, the VPN.",
            "failed": "`ip address` and `ip route` show this box's network.",
        },
        deadline_s=8.0,
        fatal=True,
    ),
    Check(
        "broker.certificate",
        "the broker's certificate is trusted and valid",
        "Otherwise anybody could pass for the broker. The dates are read by this box's clock.",
        network.certificate,
        failures={
            "expired": "Renew the broker's certificate. If it is valid and this box's date "
            "({now}) is wrong, see system.clock.",
            "not_yet": "By this box's clock it is {now}: see system.clock. If that is right, the "
            "certificate was made with a wrong clock: make it anew.",
            "unknown_authority": "Set [mqtt] ca to the certificate of the authority that signed "
            f"the broker's (now: {{ca}}). {_CA}",
            "other_host": "[mqtt] host must be a name that stands in the certificate (now: "
            "{host}), or the certificate must be made for it.",
            "untrusted": f"Make the broker's certificate anew. {_CA}",
            "bad_file": "Name readable PEM files in [mqtt] ca, cert and key.",
            "no_tls": "Is it the broker's TLS port (8883, not 1883)? If it wants a certificate "
            "of ours, set [mqtt] cert and key.",
        },
        warnings={"soon": "Renew it before that day: afterwards nothing gets through."},
        deadline_s=12.0,
        fatal=True,
    ),
    Check(
        "broker.own_certificate",
        "this box's own certificate is valid",
        "The broker lets a box in by it; central sees its end in `health`.",
        network.own_certificate,
        failures={
            "unreadable": "Name a PEM certificate that sered may read in [mqtt] cert.",
            "ended": "Where the authority's key is: `make-certificates renew {whose}`, then copy "
            "the new .crt here. If this box's date is wrong, see system.clock.",
        },
        warnings={
            "ends": "Where the authority's key is: `make-certificates renew {whose}`, then copy "
            "the new .crt here; it is taken up at the next connect."
        },
    ),
    Check(
        "broker.login",
        "the broker lets this box in",
        "User name, password, certificate and MQTT version are tried for real.",
        probing.login,
        failures={
            "password": "Check [mqtt] username and the password: `sudo sered config show` tells "
            "whether there is one. At the broker: `mosquitto_passwd`.",
            "denied": "The broker does not let this box in ({who}), and some brokers say no more "
            "than that for a wrong password: check [mqtt] username and password first "
            "(`mosquitto_passwd` at the broker), then its ACL and our client certificate.",
            "version": 'Set [mqtt] version = "3.1.1", or upgrade the broker.',
            "client_id": "Set another [mqtt] client_id, as the broker's operator wants it.",
            "tls": "The broker ended the connection after our certificate: [mqtt] cert and key "
            "must be signed by the authority that it trusts, and not be expired.",
            "mute": "Something listens there that does not speak MQTT: check [mqtt] port.",
            "clear_secret": "Set `tls = true` in [mqtt]. The password is not sent in clear text "
            "over a network unless `insecure = true`.",
            "failed": "The broker's own log tells why it hung up.",
        },
        warnings={
            "older": 'The service speaks 3.1.1 by itself then. Set [mqtt] version = "3.1.1" to '
            "say so, or upgrade the broker.",
        },
        deadline_s=12.0,
        fatal=True,
    ),
    Check(
        "broker.topics",
        "this box may publish on each of its topics",
        "A probe goes to every topic, not retained; its schema is `sered.probe/1`, and "
        "subscribers pass over it.",
        probing.each_topic,
        failures={
            "denied": "At the broker, its ACL needs `user {login}` and below it `topic readwrite "
            "{tree}#`, as `make-certificates box` writes them (docs/mqtt). "
            "Refused: {topics}.",
            "mute": "The broker takes messages and confirms none: is its disk full, is it "
            "overloaded? Its log tells.",
            "swallowed": "MQTT 3.1.1 acknowledges what a rule throws away. Let this box write and "
            "read {tree}# in the broker's ACL: the service keeps its verdicts until they come "
            "back. Missed: {topics}.",
        },
        warnings={
            "unsure": "Let this box read its own topics, too: the service keeps a verdict until "
            "it comes back, and this check sees what was taken."
        },
        deadline_s=12.0,
    ),
    Check(
        "broker.echo",
        "a message comes back in good time",
        "It goes to the topic `doctor` and is listened for there.",
        probing.echo,
        failures={"lost": "The broker confirms nothing: is its disk full, is it overloaded?"},
        warnings={"slow": "The way to the broker is slow: verdicts arrive, but late."},
        deadline_s=12.0,
    ),
    Check(
        "broker.retained",
        "central sees the status of this box",
        "The retained `status` is what central goes by when a box is dead.",
        probing.retained,
        failures={
            "foreign": "Another program uses {topic}: give this box a [device] name of its own."
        },
        warnings={
            "stale": "Does the service reach the broker (service.answers)? Or does another box "
            "have the same site and device name? {topic} must be this box's alone."
        },
        deadline_s=12.0,
    ),
)

GROUP = Group("broker", "Broker", CHECKS, lane="network", needs=("configuration.reads",))
