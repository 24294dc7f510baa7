"""Mistakes in leaderboard and menus: a bound called exact, a lost row, a stop not heard."""

from mutant import mutants_of

COMBINE = "figures/test_combine.py"
KEPT = "evaluation/test_leaderboard.py"
SCORING = "evaluation/test_scoring.py"

CAPSTONE = [
    *mutants_of(
        "evaluation/scoring.py",
        SCORING,
        (
            "score: a bound is called exact",
            'return Score(f"importance bound, k = {k}"',
            "return Score(EXACT",
        ),
        ("score: the ELBO for the importance bound", "-found.importance_bound", "-found.elbo"),
        (
            "score: the test images are their own floor",
            "sample_accuracy(test, train, seed)",
            "sample_accuracy(test, test, seed)",
        ),
        (
            "score: the samples depend on what came before",
            'fork_seed(seed_for("samples of a score", seed), test.device)',
            "torch.no_grad()",
        ),
        ("costs: the model itself is timed", "copy.deepcopy(model)", "model"),
        (
            "costs: one player's turn only",
            "for player in model.turns():",
            "for player in model.turns()[:1]:",
        ),
        (
            "rank correlation: equal values get different ranks",
            " / 2\n\n\ndef _timed",
            " / 3\n\n\ndef _timed",
        ),
        (
            "rank correlation: values in the place of ranks",
            "_ranks(torch.tensor(column, dtype=torch.double))",
            "torch.tensor(column, dtype=torch.double)",
        ),
    ),
    *mutants_of(
        "evaluation/leaderboard.py",
        KEPT,
        (
            "kept rows: another session's rows are not read again",
            "rows = change(self.rows())",
            "rows = change(())",
        ),
        ("kept rows: no lock", "os.O_CREAT | os.O_EXCL", "os.O_CREAT"),
        (
            "kept rows: written in place",
            "write_whole(self.path, text",
            "self.path.write_bytes(text",
        ),
        (
            "kept rows: a spoiled file is deleted",
            "write_whole(aside, self.path.read_bytes())",
            "pass",
        ),
        ("kept rows: the second spoiled file overwrites the first", "number += 1", "break"),
        ("kept rows: an old version is read", 'if content.get("version") != VERSION', "if False"),
        (
            "kept rows: a row of the same name stays",
            "if old.name != row.name), row]",
            "if True), row]",
        ),
    ),
    *mutants_of(
        "figures/combine/session.py",
        COMBINE,
        ("session: each slice starts anew", '{"checkpoint": self.folder, ', "{"),
        (
            "session: every seed is the first",
            "build(self.choices, self.steps, self.seed)",
            "build(self.choices, self.steps)",
        ),
        ("session: a part of the training is scored", "if not self.finished:", "if False:"),
    ),
    *mutants_of(
        "figures/combine/buttons.py",
        COMBINE,
        ("menus: Stop is not heard", "self.stopping = True", "pass"),
        ("menus: the row is not kept", "        self.board.add(row)\n", ""),
        ("menus: an error leaves the button dead", "            self.train.disabled = False\n", ""),
        (
            "menus: a refused combination can be trained",
            '            self.train.disabled = True\n            self.say(f"This',
            '            self.say(f"This',
        ),
    ),
    *mutants_of(
        "figures/combine/table.py",
        COMBINE,
        (
            "leaderboard: the best information comes last",
            '"I_q": Column("I_q(x; z)\\nnats", False',
            '"I_q": Column("I_q(x; z)\\nnats", True',
        ),
        (
            "leaderboard: an exact likelihood called a bound",
            'if found.bound == EXACT else "≤"',
            'if found.bound != EXACT else "≤"',
        ),
        (
            "leaderboard: the dots stand still",
            "        self._move(key, order)\n".replace("        self", "            self"),
            "            self._move(key, list(self.table))\n",
        ),
        ("leaderboard: the oldest rows are shown", "own[-NEWEST:]}", "own[:NEWEST]}"),
    ),
    *mutants_of(
        "figures/combine/recipe.py",
        COMBINE,
        (
            "recipe: no warm-up for a PixelCNN",
            'if choices.get("likelihood") == "pixelcnn" else {}',
            "if False else {}",
        ),
        (
            "recipe: the weights of another comparison",
            'WEIGHTS[choices.get("comparison", "kl")]',
            'WEIGHTS["kl"]',
        ),
    ),
    *mutants_of(
        "training/loop.py",
        "test_training.py",
        (
            "loop: a run that stops itself goes on",
            "stop_if(run.step):\n            stop.set()",
            "stop_if(run.step):\n            pass",
        ),
    ),
    *mutants_of(
        "distributions/transforms/affine.py",
        "distributions/test_affine_autoregressive.py",
        (
            "MAF: one z for one context only",
            "batch = torch.broadcast_shapes(batch, context.shape[:-1])",
            "pass",
        ),
    ),
]
