"""The words that stand in payloads, with what each means; docs/mqtt lists them from here."""

from __future__ import annotations

CATEGORIES = ("negative", "positive")
MODES = ("audio", "text", "both")
ALERT_STATES = ("provisional", "confirmed", "withdrawn")
BOX_STATES = ("online", "degraded", "offline")

UNDETERMINED = {
    "too_little_speech": "the customer spoke too little to judge",
    "too_noisy": "the customer's voice drowns in noise",
    "low_asr_confidence": "too few words were understood for sure, or in rows that nobody says",
    "disagreement": "the voice and the words say opposite things",
    "mixed_side": "both people share one channel, so the agent cannot be kept out",
    "sides_exchanged": "customer and agent look exchanged, and an agent is never judged",
    "recorded_voice": "nobody but a recorded voice spoke: an announcement, a mailbox, a menu",
    "no_analysis": "neither the voice nor the words could be analysed",
    "neutral": "nothing in it is clearly negative or positive",
}
"""Why a call has no category."""

NOTES = {
    "same_on_both": "both channels carry the same sound, so the agent cannot be kept out: is the "
    "tap or the card mono? Use a stereo one, or say mixed=mono for this line's sides",
    "sides_exchanged": "the exchange's tones are on the agent's channel: the sides look exchanged",
    "customer_never_heard": "the customer's channel is silent while the agent speaks: is its lead "
    "plugged in, are the sides exchanged?",
    "agent_never_heard": "the agent's channel carries nothing while the customer speaks: is its "
    "lead plugged in?",
}
"""What may be wrong with a line's channels, as `quality.notes` and as a line's reason."""

ENDINGS = {
    "hang_up_tone": "hung up",
    "on_hook": "hung up",
    "silence": "fell silent",
    "sound_lost": "until the sound was lost",
    "max_length": "cut at the longest call",
    "unanswered": "not answered",
    "end_of_recording": "until the recording's end",
    "shutdown": "until the box was stopped",
}
"""How a call ended: a word for each of records.EndReason."""

REASONS = {
    "no_device": "the configured card is not there",
    "unplugged": "the card that was heard is gone",
    "wrong_port": "the card is in another USB port than the configured",
    "not_ready": "the system is still making the card's device",
    "busy": "another program has the card open",
    "no_permission": "the service may not open the card",
    "no_frames": "the card is open and gives no sound",
    "failed": "the card or the hook switch cannot be used",
    "behind": "the analysis does not keep up, and sound is dropped",
    "digital_silence": "nothing but zeros come from the card",
    "silent_line": "one side is dead while the other talks",
    "clipping": "the sound is too loud",
    "dc_offset": "the sound is shifted: a faulty tap or card",
    "hum": "the mains are heard",
    "low_level": "the sound is too quiet",
    "no_model": "the emotion network cannot be used: voices are not judged",
    "no_words": "the recogniser cannot be used: words are not judged",
    "lexicon": "a line of the site's own phrases is left out",
    "spool_set_aside": "a damaged spool was set aside",
    "spool_read_only": "the spool's disk takes nothing: verdicts wait in memory",
    "spool_full": "the spool's disk is full: verdicts wait in memory",
    "spool_failed": "the spool cannot be used: verdicts wait in memory",
    "spool_dropped": "verdicts were given up at the spool's limits",
    "denied": "the broker's rules refuse a topic or this box",
    "refused": "the broker refuses a message for another reason",
    "too_large": "the broker takes no message as large as one of ours",
    "unheard": "nobody is subscribed, and `await_subscriber` is on",
    "unproven": "with MQTT 3.1.1 nobody can tell whether the broker takes verdicts",
    "insecure": "the broker's password travels in clear text",
    "retain": "the broker takes no retained messages",
    "qos": "the broker takes no QoS 1, so it can confirm nothing",
    "version": "the broker speaks no MQTT 5",
    "taken_over": "a second box has our client id",
    "password": "the broker refuses user name or password",
    "client_id": "the broker does not accept our client id",
    "tls": "TLS fails: certificate, authority or key",
    "flood": "the broker sends what no box can keep",
    "no_broker": "the broker cannot be reached or is not available",
    "mute": "something takes our connection and says nothing",
    "lost": "the connection to the broker ended",
    "clock": "this box does not know the time",
    "hot": "the processor is too hot",
    "under_voltage": "the power supply is too weak",
    "throttled": "the processor is slowed down",
    "low_memory": "memory runs out",
    "disk_full": "the disk is nearly full",
    "read_only": "the file system is read-only",
    "card_worn": "the SD card is worn",
}
"""What may be wrong with a box or a line, as in `status` and `health`; NOTES come besides."""
