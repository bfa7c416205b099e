"""Pictures of what the learner's code does: a module for each step, with the list PICTURES."""
