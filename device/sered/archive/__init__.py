"""Many recordings: judged side by side, kept row by row, taken up again where a run ended."""
