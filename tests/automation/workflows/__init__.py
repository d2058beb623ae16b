"""Workflows in the rig, where no server takes long to be back."""

from automation.workflows import steps

# Before any workflow is imported: DBOS takes it when a step is declared. No server is away here.
steps.BACKOFF_S = 0.05
