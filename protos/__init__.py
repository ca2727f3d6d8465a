"""The contract between host and board."""
