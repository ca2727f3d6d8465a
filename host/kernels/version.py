"""The version of the schedules, readable without loading the compiler."""

VERSION = "emitted-2"
"""Changes whenever generated code may change: part of every cache key and of every profile's fingerprint."""
