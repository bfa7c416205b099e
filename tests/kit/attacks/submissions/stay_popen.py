"""Starts programs by way of subprocess and the shell."""
# expect: gradients=failed rest=passed

import subprocess


@once
def gradients(a, b, x, y):
    through(
        lambda: subprocess.Popen(["/bin/sleep", "20"], start_new_session=True),
        lambda: subprocess.run("sleep 20 &", shell=True),
    )
    return formula(a, b, x, y)
