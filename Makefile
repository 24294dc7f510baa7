# The two commands of the README: make lab, make test. Both set up .venv first and redo nothing.
# Options: PYTHON=/path/to/python3.11   LAB_FLAGS=--no-browser   PYTEST_FLAGS="-k vae"   ASSIGNMENT=ps1_elbo_gap   GRADE_FLAGS="--isolation files"   CLAIMS="vae_mnist --seeds 1"

include .ci/student.mk

ASSIGNMENT =
FORMAT = canvas
CLAIMS =
GRADE_FLAGS =
PYTEST_FLAGS =

.PHONY: test grade grade-doctor report feedback insights export notebooks release site site-check tour lint bench claims test-environment

help::
	@echo "make test                             run the whole suite"
	@echo "make grade ASSIGNMENT=ps1_elbo_gap    grade what lies in submitted/"
	@echo "make report ASSIGNMENT=...            one line per submission: points, state, reason"
	@echo "make feedback ASSIGNMENT=...          a page for each student"
	@echo "make insights ASSIGNMENT=...          how the class did: plots, and its most frequent mistakes"
	@echo "make export ASSIGNMENT=... FORMAT=canvas   grades for Canvas, or FORMAT=moodle"
	@echo "make grade-doctor                     what this machine can isolate, and what is wrong with the course"
	@echo "make notebooks                        rebuild notebooks and assignments from their .py files"
	@echo "make release                          write build/generative-combinations.zip, what students get"
	@echo "make site                             the course as a web site in build/site (runs each lecture once)"
	@echo "make site-check                       that site in a browser: links, figures, sizes, accessibility of every page"
	@echo "make tour                             take the pictures of the README from that site"
	@echo "make lint                             ruff, and whether the notebooks are up to date"
	@echo "make bench                            timings and trained figures, side by side (half an hour)"
	@echo "make claims                           measure the claims of the lecture into the package (two hours of CPU; it resumes)"

test-environment:
	@sh .ci/environment.sh test

test: test-environment lint
	@sh .ci/system_packages.sh chromium bubblewrap
	$(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST_FLAGS)

lint: test-environment
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m course_lib.notebooks --check

grade: environment
	@test -n "$(ASSIGNMENT)" || { echo "make grade: name the assignment, e.g. make grade ASSIGNMENT=ps1_elbo_gap"; exit 2; }
	@sh .ci/system_packages.sh bubblewrap
	$(BIN)/python -m course_lib.grading run $(ASSIGNMENT) $(GRADE_FLAGS)

report feedback insights: environment
	@test -n "$(ASSIGNMENT)" || { echo "make $@: name the assignment, e.g. make $@ ASSIGNMENT=ps1_elbo_gap"; exit 2; }
	$(BIN)/python -m course_lib.grading $@ $(ASSIGNMENT) $(GRADE_FLAGS)

export: environment
	@test -n "$(ASSIGNMENT)" || { echo "make export: name the assignment, e.g. make export ASSIGNMENT=ps1_elbo_gap"; exit 2; }
	$(BIN)/python -m course_lib.grading export $(ASSIGNMENT) --format $(FORMAT) $(GRADE_FLAGS)

grade-doctor: environment
	$(BIN)/python -m course_lib.grading doctor

notebooks: test-environment
	$(BIN)/python -m course_lib.notebooks

release: test-environment
	$(BIN)/python -m course_lib.notebooks --release build

site: test-environment
	$(BIN)/python -m course_lib.notebooks.site build/site

site-check: site
	@sh .ci/system_packages.sh chromium
	$(BIN)/python tests/benchmarks/site_pages.py build/site

tour: site
	@sh .ci/system_packages.sh chromium
	$(BIN)/python tests/benchmarks/take_tour.py build/site

bench: test-environment
	$(BIN)/python tests/benchmarks/bench_import.py
	$(BIN)/python tests/benchmarks/bench_step.py
	$(BIN)/python tests/benchmarks/bench_flows.py
	$(BIN)/python tests/benchmarks/bench_pixelcnn.py
	$(BIN)/python tests/benchmarks/bench_pair.py
	$(BIN)/python tests/benchmarks/bench_vrnn.py
	$(BIN)/python tests/benchmarks/bench_redraw.py
	$(BIN)/python tests/benchmarks/bench_grading.py
	$(BIN)/python tests/benchmarks/gap_digits.py

claims: test-environment
	$(BIN)/python tests/benchmarks/claims $(CLAIMS)
