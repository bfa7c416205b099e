"""Goes from its inputs to whatever holds them, to find later inputs or answers."""
# expect: gradients=failed|timeout rest=passed

import gc


@once
def gradients(a, b, x, y):
    reached, fresh = {}, [x, y]
    for _ in range(4):
        holders = gc.get_referrers(*fresh)
        fresh = [
            each for each in holders if id(each) not in reached and isinstance(each, (dict, list))
        ]
        reached |= {id(each): each for each in fresh}
        if not fresh:
            break
    keys = {key for each in reached.values() if isinstance(each, dict) for key in each}
    if not keys & {"expected", "a_grad", "example", "examples", "learner"}:
        raise LookupError(f"nothing among {len(keys)} names")
    return formula(a, b, x, y)
