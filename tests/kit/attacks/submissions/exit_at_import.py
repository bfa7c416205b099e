"""Ends the worker while it is loaded."""
# expect:

os._exit(0)
