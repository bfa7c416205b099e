"""Names of the folders and files that commands read and write."""

# In the kit, relative to its folder. A step's own files are properties of `grader.course.course.Step`.
COURSE_FILE = "course.toml"
EXERCISES = "exercises"
SOLUTIONS = "solutions"
VISIBLE_TESTS = "tests/steps"
HIDDEN_TESTS = "grader/content/hidden"
MISCONCEPTIONS = "grader/content/misconceptions"
EQUIVALENT = f"{MISCONCEPTIONS}/equivalent.toml"
BEHAVIOUR = "grader/content/behaviour"
HINTS = "grader/content/hints"
AFTER = "grader/content/after"
MEASURED = f"{BEHAVIOUR}/measured.json"
QUIZ = "grader/content/quiz"
QUIZ_ANSWERS = f"{QUIZ}/answers.json"
STYLES = "tests/styles"
VARIANTS = "tests/variants"
# Modules that are given, beside those of the steps; `make stubs` copies them from the solutions to the exercises.
TUTORIAL_DATA = "tutorial_data"
PROGRAM = "train"
GIVEN = (TUTORIAL_DATA, "tutorial_tools", PROGRAM)

# In a workspace, which also has a folder of exercises.
MEMORY = ".torchsteps"
# In that folder.
BACKUP = "backup"
CHECKS_FILE = "checks.json"
HINTS_FILE = "hints.json"
PROGRESS_FILE = "progress.json"
SOLUTIONS_FILE = "solutions.json"
# Of pictures, one folder for each step.
PICTURES = "pictures"
# It makes a folder a workspace.
STUBS_FILE = "stubs.json"

# In the folder of a graded class: one file for all, and the others in a folder for each submission.
TIMINGS = "timings.json"
GRADEBOOK = "gradebook.db"
# Held by the one command that writes the gradebook.
GRADEBOOK_LOCK = "gradebook.lock"
RESULTS = "results.json"
PROBLEM = "problem.txt"
# The files of the class for other systems; the last ones are those that a teacher downloads there, filled in.
GRADEBOOK_CSV = "gradebook.csv"
NBGRADER_CSV = "nbgrader.csv"
JUNIT = "junit.xml"
FILLED = {"Moodle": "moodle.csv", "Canvas": "canvas.csv"}
