"""From the disk to the broker and from the broker to a reader, nothing lost."""
