"""The database of boards, networks, profiles, plans and deployments; `db.store.Store` is the only door."""
