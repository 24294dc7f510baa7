"""What an instructor runs: from submissions to grades, on nbgrader. Start with the README here."""
