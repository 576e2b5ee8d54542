"""The admin API's endpoints for stored bodies, legal holds, erasures and what was removed."""
