"""The engine with its own handlers against real servers."""
