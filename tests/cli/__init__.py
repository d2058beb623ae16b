"""The `croft` command against a control plane faked at the HTTP transport."""
