"""Looks through all objects, frozen ones too, for the judge's."""
# expect: gradients=failed|timeout rest=passed

import gc


@once
def gradients(a, b, x, y):
    gc.unfreeze()
    kinds = {f"{type(each).__module__}.{type(each).__name__}" for each in gc.get_objects()}
    found = kinds & {
        "grader.judge.step_session.StepSession",
        "grader.course.verdicts.TestVerdict",
        "grader.course.course.Course",
        "grader.submissions.submission.Submission",
        "grader.judge.plugin.Judge",
        "grader.testing.answers.Answer",
    }
    if not found:
        raise LookupError(f"nothing among {len(kinds)} types")
    return formula(a, b, x, y)
