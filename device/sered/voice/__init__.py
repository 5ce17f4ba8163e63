"""How an utterance sounds: statistics of its sound and the network that judges them."""
