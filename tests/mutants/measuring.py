"""Mistakes in what is measured and quoted, and in the checks that protect a measurement."""

from mutant import mutants_of

MEASURED = "test_measured.py"
CLOSING = "figures/test_closing_table.py"
MODE = "evaluation/test_mode.py"
TRAINING = "test_training.py"
TRANSFORMS = "models/test_function_transforms.py"

MEASURING = [
    *mutants_of(
        "measured.py",
        MEASURED,
        ("measured: one digit of the spread", "1 - math.floor", "-math.floor"),
        ("measured: the sampling error unsaid", 'f" (sampling ± {error:.2g})"', '""'),
        ("measured: the first names for the nearest", "[*close, *holding, *names]", "names"),
    ),
    *mutants_of(
        "figures/closing_table.py",
        CLOSING,
        ("closing table: formulas taken for HTML", "(html.escape(cell) for cell in row)", "row"),
        ("closing table: no heading of a row", 'f\'<th scope="row" ', "f'<th "),
        (
            "closing table: the packaged verdict always",
            "if given is None else given",
            'if figure else ""',
        ),
    ),
    *mutants_of(
        "evaluation/mode.py",
        MODE,
        ("evaluation mode: not entered", "root.eval()", "pass"),
        ("evaluation mode: frozen parts trained", "module.training = True", "module.train()"),
        ("evaluation mode: inference mode stays", "inference_mode(False)", "enable_grad()"),
        ("evaluation mode: data of inference mode", "value.clone() if", "value if"),
    ),
    *mutants_of(
        "distributions/base.py",
        TRANSFORMS,
        ("checks: stand aside everywhere", "return bool(condition)", "return False"),
        (
            "checks: an error of torch is an answer",
            "            return False\n        raise",
            "            return False\n        return False",
        ),
    ),
    *mutants_of(
        "distributions/transforms/pixels.py",
        TRANSFORMS,
        ("checks: grey levels under vmap", "if known_true(((p", "if bool(((p"),
    ),
    *mutants_of(
        "objectives/critics.py",
        TRANSFORMS,
        ("critic: data of any kind", 'as_floats(real, "real", ', "(lambda *_: None)(real, "),
    ),
    *mutants_of(
        "training/run.py",
        TRAINING,
        (
            "training: every loss blamed on the scale",
            "if not LARGE < largest",
            "if not 0 < largest",
        ),
        ("training: the scale of the data unsaid", "_scale_hint(self.train)\n", '""\n'),
    ),
    *mutants_of(
        "training/loop.py",
        TRAINING,
        (
            "training: torch speaks of a device",
            "(RuntimeError, AssertionError)",
            "ZeroDivisionError",
        ),
    ),
    *mutants_of(
        "models/info_vae.py",
        TRANSFORMS,
        ("InfoVAE: an MMD of one example", "if len(z) < 2", "if len(z) < 1"),
    ),
    *mutants_of(
        "models/info_gan.py",
        TRANSFORMS,
        ("InfoGAN: data of any kind recognised", "self._check(x)\n", "pass\n"),
        ("InfoGAN: data of any kind learned from", "self._check(batch)\n", "pass\n"),
    ),
]
