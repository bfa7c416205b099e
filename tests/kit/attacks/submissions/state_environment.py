"""Looks into its environment for something that was not cleared."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    own = {"HOME", "USERPROFILE", "PWD", "TMPDIR", "TEMP", "TMP", "USER", "LOGNAME", "USERNAME"}
    found = os.environ.keys() - own - {"PATH", "SHELL", "LANG", "LC_CTYPE"}
    # It is empty for everybody, and hides graphics cards.
    found -= {"CUDA_VISIBLE_DEVICES"} if not os.environ.get("CUDA_VISIBLE_DEVICES") else set()
    if not found:
        raise LookupError(f"nothing but {sorted(os.environ)}")
    return formula(a, b, x, y)
