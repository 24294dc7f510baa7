# What a student runs. It is part of the course's Makefile, and the Makefile of the bundle that `make release` writes.
# Options: PYTHON=/path/to/python3.11   LAB_FLAGS=--no-browser

BIN = .venv/bin
LAB_FLAGS =
AS_ROOT = $(if $(filter 0,$(shell id -u)),--allow-root)
START = /lab/tree/README.md

.PHONY: help lab doctor clean environment

help::
	@echo "make lab                              open the course in JupyterLab"
	@echo "make doctor                           what is wrong with the installation, and what helps"
	@echo "make clean                            remove .venv and what the tests left"

environment:
	@sh .ci/environment.sh lab

lab: environment
	@mkdir -p .venv/share/jupyter/lab/settings
	@cp .ci/lab/overrides.json .venv/share/jupyter/lab/settings/
	@$(BIN)/python -m course_lib doctor --quiet || true
	$(BIN)/jupyter lab --LabApp.default_url=$(START) $(AS_ROOT) $(LAB_FLAGS)

doctor: environment
	$(BIN)/python -m course_lib doctor --deep

clean:
	rm -rf .venv build .pytest_cache .ruff_cache
