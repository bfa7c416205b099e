# Each target is one line over `python grader` or a tool; the environment is made on first use.
PYTHON ?= python3
STEP ?=
FN ?=
AGAIN ?=
PAGE ?=
EDIT ?=
TARGET ?= exercises
TITLE ?=
OUT ?= results
JOBS ?= 2
SHEET ?=
ATTEMPTS ?=
STEPS ?=
ROSTER ?=
EXTENSIONS ?=
FILL ?=
ASSIGNMENT ?=
REGRADE ?=
NEVER_LOWER ?=
ONLY ?=
PUBLISH ?=
YES ?=
SCHEDULER ?=
bin := .venv/bin
# They come first, so that the last process does not work alone for minutes.
longest := $(patsubst %,tests/kit/%.py,test_styles test_parity test_grade attacks/test_controls test_bench test_hand_ins test_accidents test_injected test_resident test_watch test_pictures)
kit := $(bin)/python grader
a_step = test -n "$(STEP)" || { echo "Which step? For example: make $@ STEP=03"; exit 1; };

# What learners type. A mistake that was found is no failure of make: with -q, make passes exit code 1 on and does not
# say "Error 1". Under -q only lines that begin with + are run.
quiet := help setup check watch list reset hint quiz show run solution stretch update
ifneq ($(MAKECMDGOALS),)
ifeq ($(filter-out $(quiet),$(MAKECMDGOALS)),)
MAKEFLAGS += -q
endif
endif

# An environment whose Python was removed or replaced is made anew.
$(shell test -x $(bin)/python || rm -f .venv/ready)

.PHONY: help setup check watch list reset hint quiz show run solution stretch update grade new stubs test strength record bench lint clean

help:
	+@echo "make check [STEP=06] [TARGET=solutions]  check the steps, say what to do next"
	+@echo "make watch [STEP=06]                     the same, again whenever you save; keys for all else"
	+@echo "make watch PAGE=1                        and with a page in your browser: lesson, verdict, hints, quiz"
	+@echo "make list                                how far you are"
	+@echo "make reset STEP=06                       the stubs of a step back; a copy of what you wrote is kept"
	+@echo "make hint STEP=06 [FN=fit] [AGAIN=1]     the next hint for a function; without FN, for the one that fails first"
	+@echo "make quiz STEP=06                        questions about a step: predict what code prints"
	+@echo "make show STEP=06                        pictures of what your own code does, beside what is expected"
	+@echo "make run [TARGET=solutions]              your functions together: the tutorial's whole program, with a picture"
	+@echo "make solution STEP=06                    a solution beside your own code, after passing or when you ask twice"
	+@echo "make stretch STEP=06 [AGAIN=1]           one task more; AGAIN=1 shows an answer"
	+@echo "make update                               a newer version of the kit; what you wrote stays"
	+@echo "make grade SUBMISSIONS=class OUT=results  grade a class, or go on; ROSTER=, EXTENSIONS=, FILL=, REGRADE=1, PUBLISH=1: docs/gradebook.md"
	+@echo "make setup, new, stubs, record, strength, test, lint, bench, clean   for maintainers: see CONTRIBUTING.md"

.venv/ready: requirements.lock
	+@command -v "$(PYTHON)" > /dev/null || { echo "There is no $(PYTHON) here. Install Python 3.11 to 3.14, or name yours: make setup PYTHON=python3.12"; exit 1; }
	+@"$(PYTHON)" grader/bootstrap.py || exit 1
	+@touch $@

setup: .venv/ready
	+@:

check: .venv/ready
	+@$(kit) check $(STEP) --target "$(TARGET)" || exit 1

# The watcher ends by itself when Ctrl-C is pressed.
watch: .venv/ready
	+@trap : INT; $(kit) watch $(STEP) $(if $(PAGE),--page) $(if $(EDIT),--edit-cmd "$(EDIT)") || exit 1

list: .venv/ready
	+@$(kit) list || exit 1

reset: .venv/ready
	+@$(a_step) $(kit) reset $(STEP) || exit 1

hint: .venv/ready
	+@$(a_step) $(kit) hint $(STEP) --function "$(FN)" $(if $(AGAIN),--again) || exit 1

# The shell waits when Ctrl-C is pressed, and so does make, until the quiz has said how it went.
quiz: .venv/ready
	+@$(a_step) trap : INT; $(kit) quiz $(STEP) || exit 1

show: .venv/ready
	+@$(a_step) $(kit) show $(STEP) --target "$(TARGET)" $(if $(SHEET),--sheet "$(SHEET)") || exit 1

solution: .venv/ready
	+@$(a_step) $(kit) solution $(STEP) || exit 1

stretch: .venv/ready
	+@$(a_step) $(kit) stretch $(STEP) $(if $(AGAIN),--again) || exit 1

run: .venv/ready
	+@$(kit) run --target "$(TARGET)" || exit 1

update: .venv/ready
	+@$(kit) update || exit 1

grade: .venv/ready
	@$(kit) grade "$(SUBMISSIONS)" --out "$(OUT)" --jobs $(JOBS) $(if $(ATTEMPTS),--attempts "$(ATTEMPTS)") \
		$(if $(STEPS),--steps "$(STEPS)") $(if $(ROSTER),--roster "$(ROSTER)") $(if $(EXTENSIONS),--extensions "$(EXTENSIONS)") \
		$(if $(REGRADE),--regrade) $(if $(NEVER_LOWER),--never-lower) $(if $(ONLY),--only "$(ONLY)") $(if $(PUBLISH),--publish) $(if $(YES),--yes) \
		$(if $(FILL),--fill "$(FILL)") $(if $(ASSIGNMENT),--assignment "$(ASSIGNMENT)") $(if $(SCHEDULER),--scheduler "$(SCHEDULER)")

new: .venv/ready
	@$(kit) new "$(STEP)" --title "$(TITLE)"

stubs: .venv/ready
	@$(kit) stubs

test: .venv/ready
	$(bin)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder --submission solutions --ignore tests/kit/attacks/test_attacks.py $(longest) tests/kit tests/steps grader/content/hidden
	$(bin)/python -m pytest -q tests/kit/attacks/test_attacks.py
	$(kit) strength --changed

strength: .venv/ready
	@$(kit) strength $(STEP)

record: .venv/ready
	@$(kit) record $(STEP)

bench: .venv/ready
	@$(kit) bench

lint: .venv/ready
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy
	$(bin)/lint-imports

# What `.torchsteps` keeps of a learner's work stays.
clean:
	rm -rf .venv $(addprefix .torchsteps/,checks.json hints.json solutions.json hypothesis) .import_linter_cache .pytest_cache .hypothesis .mypy_cache .ruff_cache build dist *.egg-info
