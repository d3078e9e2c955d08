"""Provider data: one table per concept, independent of the provider."""
