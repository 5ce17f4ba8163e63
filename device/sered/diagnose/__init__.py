"""The doctor: will this box do its job, what is wrong, and what to do."""
