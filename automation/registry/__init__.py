"""All SQL of the control plane: one module per noun, plain functions over a psycopg connection.

Owns tables, queries and the frozen rows they return. Must not know HTTP, Pulumi, or how a secret is
encrypted. No function here commits: the caller's transaction says what belongs together.
"""
