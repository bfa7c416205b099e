"""Adds a hook that refuses every event that Python reports, and that nobody can take away."""
# expect:


def refuse(event, arguments):
    raise KeyboardInterrupt(event)


sys.addaudithook(refuse)
