# Each target is one line over `python -m grader` or a tool; the environment is made on first use.
PYTHON ?= python3
STEP ?=
TARGET ?= exercises
OUT ?= results
JOBS ?= 2
bin := .venv/bin

.PHONY: help setup check hint grade stubs test strength record bench lint clean

help:
	@echo "make check [STEP=05] [TARGET=solutions]  check the steps, say what to do next"
	@echo "make hint STEP=05                        the next hint of a step"
	@echo "make grade SUBMISSIONS=class OUT=results  grade a class"
	@echo "make setup, test, strength, record, lint, stubs, bench, clean   for maintainers: see CONTRIBUTING.md"

.venv/ready: requirements.lock
	@echo "Setting up .venv with the versions of requirements.lock. This takes some minutes, once."
	@$(PYTHON) -m venv .venv
	@$(bin)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@touch $@

setup: .venv/ready

check: .venv/ready
	@$(bin)/python -m grader check $(STEP) --target "$(TARGET)"

hint: .venv/ready
	@$(bin)/python -m grader hint $(STEP)

grade: .venv/ready
	@$(bin)/python -m grader grade "$(SUBMISSIONS)" --out "$(OUT)" --jobs $(JOBS)

stubs: .venv/ready
	@$(bin)/python -m grader stubs

test: .venv/ready
	$(bin)/python -m pytest -q -n 2 --dist loadfile --submission solutions --ignore tests/kit/attacks tests/kit tests/steps grader/hidden
	$(bin)/python -m pytest -q tests/kit/attacks
	$(bin)/python -m grader strength --changed

strength: .venv/ready
	@$(bin)/python -m grader strength $(STEP)

record: .venv/ready
	@$(bin)/python -m grader record $(STEP)

bench: .venv/ready
	@$(bin)/python -m grader bench

lint: .venv/ready
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy

clean:
	rm -rf .venv .torchsteps .pytest_cache .hypothesis .mypy_cache .ruff_cache build dist *.egg-info
