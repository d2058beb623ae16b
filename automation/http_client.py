"""Clients of HTTP servers that are ours.

Owns what all of them have in common. Must not know what is asked.
"""

from typing import Any

import httpx2 as httpx


def http_client(*urls: str, **options: Any) -> httpx.Client:
    """A client for what lies under `urls`. A proxy from the environment is meant for the internet;
    and certificates, which take 34 ms of CPU to load, are for servers that speak TLS."""
    speaks_tls = any(url.startswith("https:") for url in urls)
    return httpx.Client(trust_env=False, verify=speaks_tls, **options)
