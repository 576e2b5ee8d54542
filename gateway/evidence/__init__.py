"""Evidence packs: what a tenant's trail shows of a span of time, signed (docs/content.md)."""
