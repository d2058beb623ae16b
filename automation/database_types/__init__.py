"""Types of a project's database in a programming language: what an app is checked against.

`catalog` is what there is to describe, `typescript` writes it down. All of it is pure.
"""
