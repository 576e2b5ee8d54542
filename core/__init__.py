"""The small, domain-free floor that every other package stands on.

Errors' base, clock, ids, money and the database base. It knows nothing of
gateways, guards, prices or models, and imports none of them.
"""
