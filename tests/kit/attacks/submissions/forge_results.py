"""Writes results wherever the judge might look for them."""
# expect: gradients=failed rest=passed

import json


def gradients(a, b, x, y):
    text = json.dumps({"schema": 1, "submission": NAME, "score": 100.0, "max_score": 100.0})

    def write(path):
        return lambda: open(path, "w").write(text)

    # These folders are its own; the test sees whether they are.
    for folder in (".", "..", "/tmp"):
        write(f"{folder}/results.json")()
    through(
        write(f"{OUT}/results.json"),
        write(f"{OUT}/{NAME}/results.json"),
        write(f"{OUT}/{NAME}/results.json.new"),
        write(f"{OUT}/{NAME}/problem.txt"),
        write(f"{OUT}/timings.json"),
        write(f"{CLASS}/{NAME}/results.json"),
        write("/results.json"),
    )
    return formula(a, b, x, y)
