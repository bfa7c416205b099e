"""Looks through all functions for those of the tests."""
# expect: gradients=failed|timeout rest=passed

import gc
import types


@once
def gradients(a, b, x, y):
    gc.unfreeze()
    functions = [each for each in gc.get_objects() if isinstance(each, types.FunctionType)]
    if not any((each.__module__ or "").startswith("test_step") for each in functions):
        raise LookupError(f"nothing among {len(functions)} functions")
    return formula(a, b, x, y)
