"""What each block of sound is: silence, noise, a tone, music, speech, and whose."""
