"""The admin API's endpoints for upstreams."""
