"""The version this engine shows to the SDK, and in the manifests it writes.

Owns that one value: the SDK's own version, whose protocol the engine speaks, marked as embedded.
"""

from pulumi._version import version as sdk_version
from semver import VersionInfo

VERSION = VersionInfo(sdk_version.major, sdk_version.minor, sdk_version.patch, build="embedded")
