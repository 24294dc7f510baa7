"""Mistakes in the figures of lecture 2, and in the world that one order of MAF fits."""

from mutant import mutants_of

FIGURES = "figures/test_autoregressive_flows.py"
FOLDER = "figures/autoregressive_flows"

FLOW_FIGURES = [
    *mutants_of(
        f"{FOLDER}/stack.py",
        FIGURES,
        (
            "flow figures: log-dets of the wrong sign",
            "log_det = log_det - inverse_log_det",
            "log_det = log_det + inverse_log_det",
        ),
        (
            "flow figures: the prior's layer counted twice",
            "self.layers[int(autoregressive) : depth]",
            "self.layers[:depth]",
        ),
        (
            "flow figures: ancestral draws in the wrong order",
            "layer.sequence.tolist()",
            "layer.sequence.tolist()[::-1]",
        ),
        (
            "flow figures: conditioners from the noise on",
            "_conditioner(layer) for layer in reversed(self.layers[:depth])",
            "_conditioner(layer) for layer in self.layers[:depth]",
        ),
        (
            "flow figures: scale without its logarithm in the density",
            "math.log(2 * math.pi)) - log_scale)",
            "math.log(2 * math.pi)))",
        ),
    ),
    *mutants_of(
        f"{FOLDER}/layers.py",
        FIGURES,
        (
            "flow figures: the switch is not passed on",
            "moved = self.stack.points(self.noise, depth, base)",
            "moved = self.stack.points(self.noise, max(depth, 1), base)",
        ),
        (
            "flow figures: the reader's density not drawn",
            "shown = self._image(lambda x: self._own(x, depth, base))",
            "shown = reference",
        ),
    ),
    *mutants_of(
        f"{FOLDER}/plane.py",
        FIGURES,
        (
            "flow figures: axes transposed",
            "torch.stack((x_1, x_2), -1)",
            "torch.stack((x_2, x_1), -1)",
        ),
    ),
    *mutants_of(
        f"{FOLDER}/rings_line.py",
        FIGURES,
        (
            "flow figures: density without its slope",
            "return log_slope - 0.5 * z.square()",
            "return -0.5 * z.square()",
        ),
        (
            "flow figures: rings cut at another place",
            "torch.full_like(NODES, x_1), NODES",
            "torch.full_like(NODES, x_1 + 0.2), NODES",
        ),
    ),
    *mutants_of(
        f"{FOLDER}/monotone.py",
        FIGURES,
        (
            "flow figures: a folding map passes",
            "if not (z.diff() > 0).all()",
            "if False",
        ),
        (
            "flow figures: the filled area stays",
            "_polygon(rings_line.target(x_1).exp())",
            "_polygon(rings_line.target(0.0).exp())",
        ),
    ),
    *mutants_of(
        "exact/banana.py",
        "exact/test_banana.py",
        (
            "banana: half of the variance left out",
            "math.log(2 * CURVATURE**2 + NOISE_SCALE**2)",
            "math.log(CURVATURE**2 + NOISE_SCALE**2)",
        ),
        (
            "banana: curvature not centred in the samples",
            "x_2 = CURVATURE * (x_1.square() - 1)",
            "x_2 = CURVATURE * x_1.square()",
        ),
    ),
]
