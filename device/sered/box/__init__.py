"""The appliance: lines, workers, their service, and how the box is."""
