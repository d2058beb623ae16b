"""Keep the units of one CROFT_HOME running: start, health, restart, logs, stop.

Owns every long-lived process of the platform. Must not know Pulumi, tenants or which servers exist:
all it is told is in contracts.units.
"""
