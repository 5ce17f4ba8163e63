"""The words that stand in payloads, with what each means; docs/mqtt lists them from here."""

from __future__ import annotations

CATEGORIES = ("negative", "positive")
MODES = ("audio", "text", "both")
ALERT_STATES = ("provisional", "confirmed", "withdrawn")
BOX_STATES = ("online", "degraded", "offline")

UNDETERMINED = {
    "too_little_speech": "the customer spoke too little to judge",
    "too_noisy": "the customer's voice drowns in noise",
    "low_asr_confidence": "too few words were understood for sure",
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
