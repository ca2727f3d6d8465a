"""Units for systemd: the agent without rights, and the helper that sets clocks for it."""
