"""Mistakes in the engine of the checks, each of which would let a kind of wrong answers pass."""

from mutant import mutants_of

EVERY = "checks/test_every_exercise.py"
ENGINE = "checks/test_engine.py"
REPORT = "checks/test_report.py"

CHECKS = [
    *mutants_of(
        "checks/contract.py",
        EVERY,
        (
            "contract: no batch of one",
            "for case in cases] if contract.rows else []\n    mixed",
            "for case in []] if contract.rows else []\n    mixed",
        ),
        ("contract: no float32", "*alone, *mixed, *single, *_grad", "*alone, *mixed, *_grad"),
        ("contract: no mixed rows", "mixed = _mixed(contract, cases) if", "mixed = [] if"),
        ("contract: no gradients", ", *_gradient_steps(contract, [*cases, *mixed])]", "]"),
        ("contract: a constant has every gradient", "if got is None:", "if got is None and False:"),
        ("contract: the seed may be set", "for _ in [torch.manual_seed(20261)]", "for _ in [0]"),
    ),
    *mutants_of(
        "checks/answer.py",
        EVERY,
        ("answer: computed again for every mistake", "if key not in self._known:", "if True:"),
        ("answer: may use the checks", "if self.ask(USES_THE_CHECKS", "if False and self.ask(USES"),
    ),
    *mutants_of(
        "checks/case.py",
        ENGINE,
        (
            "case: parts compared in the order returned",
            "self.only or answer.formulas:",
            "self.only or answer.parts:",
        ),
        ("case: one number for all is no hint", "value.ndim == 0 and right.ndim == 1", "False"),
    ),
    *mutants_of(
        "checks/contract.py",
        ENGINE,
        ("contract: NaN blamed on a detach", "if not got.isfinite().all():", "if False:"),
        ("contract: a constant is told any argument", "got is None and not right.any()", "False"),
    ),
    *mutants_of(
        "checks/answer.py",
        ENGINE,
        ("answer: errors without their inputs", 'data.get("inputs_", ())', "()"),
    ),
    *mutants_of(
        "checks/noise.py",
        ENGINE,
        ("noise: only neighbouring rows", "by_lag[1 : len(unit) // 2 + 1]", "by_lag[1:2]"),
        ("noise: twins overlooked", "if twins > TWINS:", "if twins > 2:"),
        ("noise: mirrored twins overlooked", "torch.sort(noise.abs())", "torch.sort(noise)"),
        ("noise: only the call before", "for b in draws[:i]):", "for b in draws[i - 1 : i]):"),
        ("noise: correlated calls", "if strongest <= limit:", "if strongest <= 2:"),
        ("noise: any generator", "if not torch.equal(first, again):", "if False:"),
        ("noise: the function's own seed", "if torch.equal(first, other):", "if False:"),
    ),
    *mutants_of(
        "checks/refusal.py",
        ENGINE,
        ("refusal: not through helpers", "waiting += _reached_by(value, codes)", "pass"),
        ("refusal: not by a string", "imported or quoted or", "imported or"),
    ),
    *mutants_of(
        "checks/report.py",
        REPORT,
        ("report: errors of the course hidden", "if not used:", "if False:"),
        ("report: a lambda hides its function", "inside = inside or (", "inside = ("),
    ),
]
