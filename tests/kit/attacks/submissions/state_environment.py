"""Looks into its environment for something that was not cleared."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    own = {"HOME", "USERPROFILE", "PWD", "TMPDIR", "TEMP", "TMP", "USER", "LOGNAME", "USERNAME"}
    found = os.environ.keys() - own - {"PATH", "SHELL", "LANG", "LC_CTYPE"}
    if not found:
        raise LookupError(f"nothing but {sorted(os.environ)}")
    return formula(a, b, x, y)
