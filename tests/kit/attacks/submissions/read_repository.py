"""Reads the kit's git folder and the grader itself."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(
        lambda: os.listdir(f"{KIT}/.git"),
        lambda: open(f"{KIT}/.git/config").read(),
        lambda: open(f"{KIT}/grader/judge/plugin.py").read(),
    )
    return formula(a, b, x, y)
