"""The Management API: thin routes. A route parses, calls one function, returns a view.

Owns paths, HTTP statuses and headers. Must not know SQL, Pulumi or the rules behind an answer.
"""
