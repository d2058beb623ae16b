"""The durable operations, one file each: arguments, workflow, steps, undos, in this order.

Must not know HTTP, or how a stack is run.
"""
