"""Independent tools and the peers' failings, run against a gateway of ours."""
