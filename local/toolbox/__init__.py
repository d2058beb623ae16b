"""Get every server the platform runs: downloaded, built or found, pinned and checked, once.

Owns the folder CROFT_TOOLS. Must not know homes, units, Pulumi or tenants.
"""

from local.toolbox.catalog import CATALOG, SERVERS
from local.toolbox.install import obtain

__all__ = ["CATALOG", "SERVERS", "obtain"]
