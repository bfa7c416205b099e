"""Asks for too much memory while it is loaded."""
# expect:

bytearray(SIZE)
