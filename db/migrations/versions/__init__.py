"""One module a version of the schema; released ones never change."""
