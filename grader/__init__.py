"""The grader of the exercise kit: a judge that holds the tests, and workers that run learners' code."""
