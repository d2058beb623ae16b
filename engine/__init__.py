"""An embedded Pulumi engine: `pulumi.automation` without the pulumi CLI.

Owns what the pulumi CLI does for a deployment: state, steps, events, providers. Must not know
tenants, the control plane or which servers are ours; it could be published alone.
"""

from engine.command import EmbeddedPulumi
from engine.provider import Credentials, Handler, Package

__all__ = ["Credentials", "EmbeddedPulumi", "Handler", "Package"]
