"""Plants code in the packages and in the home folder."""
# expect: gradients=failed rest=passed

import site
import sysconfig


def gradients(a, b, x, y):
    package = os.path.dirname(np.__file__)

    def write(path):
        return lambda: open(path, "w").write("")

    through(
        write(f"{package}/left.py"),
        write(f"{package}/__pycache__/left.pyc"),
        write(os.path.join(sysconfig.get_path("purelib"), "left.pth")),
        write(os.path.join(site.getsitepackages()[0], "sitecustomize.py")),
    )
    return formula(a, b, x, y)
