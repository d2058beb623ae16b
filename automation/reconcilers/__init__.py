"""What runs without being asked, by period: level-triggered, without input, safe to repeat.

Must not know workflows' steps; a reconciler looks at what is there and puts it right.
"""
