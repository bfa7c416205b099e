"""Raises out of every call that the worker makes."""
# expect:


def watch(frame, event, argument):
    raise KeyboardInterrupt


sys.setprofile(watch)
