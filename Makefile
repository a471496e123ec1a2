# The table of contents of everything one can do here: `make` alone prints it.
# CHAPTER=02_manual_gradients narrows a target to a chapter; ARGS="..." reaches the command behind it.

.DEFAULT_GOAL := help
.PHONY: help setup start visdom test hostile demo release matrix site grade bench lint lock

autograder := .venv/bin/autograder

start: setup ## open JupyterLab on your own working copy of the course, student/
	@$(autograder) start $(CHAPTER) $(ARGS)

visdom: setup ## start a Visdom server on this machine only
	@$(autograder) visdom $(ARGS)

test: setup ## run every test: the course, the grader and this frame
	@.venv/bin/python -m pytest $(ARGS)

hostile: setup ## attack the grader in every known way, and count the points gained
	@.venv/bin/python -m pytest -q -p tests.hostile_summary tests/test_hostile.py $(ARGS)

demo: setup ## grade a class of made-up submissions for real, and print its table
	@$(autograder) demo $(CHAPTER) $(ARGS)

release: setup ## make the student's edition, notebooks/, from solutions/
	@$(autograder) release $(CHAPTER) $(ARGS)

matrix: setup ## judge every right and wrong answer against every exercise
	@$(autograder) matrix $(CHAPTER) $(ARGS)

site: setup ## build the rendered course, build/site/public/index.html
	@$(autograder) site $(ARGS)

grade: setup ## grade the submissions in submitted/ (CHAPTER=... for one chapter)
	@$(autograder) grade $(CHAPTER) $(ARGS)

bench: setup ## time checks, chapters, and a class graded side by side with stock nbgrader
	@$(autograder) bench $(ARGS)

lint: setup ## check style and types
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy

lock: setup ## write requirements.lock from pyproject.toml (ARGS=--upgrade for the newest versions)
	@.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
		--python-version 3.11 --extra dev -b build-constraints.txt --custom-compile-command "make lock" \
		pyproject.toml -o requirements.lock $(ARGS)

# Two hidden steps. Set-up compares contents, not times, so it always runs; where nothing changed it ends at once.
setup:
	@sh scripts/setup.sh

help:
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' Makefile
