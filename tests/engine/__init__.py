"""Tests of the engine; golden/ holds state files that the real CLI wrote."""
