"""Looks into its environment for something that was not cleared."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    found = os.environ.keys() - {"HOME", "TMPDIR", "TEMP", "TMP", "LC_CTYPE"}
    if not found:
        raise LookupError(f"nothing but {sorted(os.environ)}")
    return formula(a, b, x, y)
