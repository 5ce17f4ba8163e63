"""From the sound card, or a recording, to frames of 16 kHz sound with nothing lost unseen."""
