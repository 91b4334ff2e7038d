"""Builds the release artifacts. `scripts/package` runs the steps; each module makes one kind."""
