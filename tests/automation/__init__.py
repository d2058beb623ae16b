"""The control plane: registry, workflows, API."""
