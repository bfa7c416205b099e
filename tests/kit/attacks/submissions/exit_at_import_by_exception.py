"""Asks Python to exit while it is loaded."""
# expect:

sys.exit(0)
