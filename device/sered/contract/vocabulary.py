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
    "no_analysis": "neither the voice nor the words could be analysed",
    "neutral": "nothing in it is clearly negative or positive",
}
"""Why a call has no category."""
