"""Notifications: from rows in the outbox to mail, chat and push, at least once each."""
