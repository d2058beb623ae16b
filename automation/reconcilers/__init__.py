"""What runs periodically without being asked: level-triggered, without input, safe to repeat.

Must not know workflows' steps; a reconciler looks at what is there and puts it right.
"""
