"""Mistakes in lecture 8: the valley of equal ELBOs, the price of information, and their figures."""

from mutant import mutants_of

WORLD = "exact/test_preference.py"
FIGURES = "figures/test_information_preference.py"
FOLDER = "figures/information_preference"

PREFERENCE = [
    *mutants_of(
        "exact/preference.py",
        WORLD,
        (
            "valley: share and its complement exchanged",
            "(1 - share) * p_z[:, None] + share * informative",
            "share * p_z[:, None] + (1 - share) * informative",
        ),
        ("valley: prior without the data", "informative @ p_data", "informative.mean(1)"),
        ("valley: decoder over z", "joint.sum(1, keepdim=True)", "joint.sum(0, keepdim=True)"),
        ("valley: decoder blind to the data", "joint = p_data * encoder", "joint = encoder"),
        (
            "price: the limit holds the encoder too",
            "encoder = _on_path(uniform, code, share, prior)",
            "encoder = _on_path(uniform, code, min(share, limit), prior)",
        ),
        ("price: no limit", "reach = min(share, ", "reach = max(share, "),
        ("price: prior not tilted", "(tilt * line).softmax(0)", "(0 * line).softmax(0)"),
        (
            "price: information under the model",
            "tables.mutual_information(q_zx)",
            "tables.mutual_information(p_zx)",
        ),
        (
            "price: mismatch in x",
            "tables.kl_split_by_z(q_zx, p_zx).marginal",
            "tables.kl_split_by_x(q_zx, p_zx).marginal",
        ),
    ),
    *mutants_of(
        f"{FOLDER}/preference_path.py",
        FIGURES,
        (
            "preference path: the limited dot has the flexible decoder",
            "_elbo(encoder, encoder), _elbo(encoder, decoder), known",
            "_elbo(encoder, encoder), _elbo(encoder, encoder), known",
        ),
        (
            "preference path: the curve has the encoder's decoder",
            "[_elbo(encoder, decoder) for encoder in self.path]",
            "[_elbo(encoder, encoder) for encoder in self.path]",
        ),
        (
            "preference path: the reader's information is not asked",
            "self.own_information or tables.mutual_information",
            "tables.mutual_information",
        ),
    ),
    *mutants_of(
        f"{FOLDER}/priced_information.py",
        FIGURES,
        ("price figure: rate at full price", "- (1 - alpha) * terms.rate", "- terms.rate"),
        (
            "price figure: divergence by lambda alone",
            "(alpha + lambda_ - 1) * terms.marginal_kl",
            "lambda_ * terms.marginal_kl",
        ),
        ("price figure: the first of the best is shown", "shown = best[-1]", "shown = best[0]"),
        (
            "price figure: the reader's curve is turned round",
            "            ][::-1]",
            "            ]",
        ),
    ),
    *mutants_of(
        f"{FOLDER}/rate_distortion.py",
        FIGURES,
        ("rate figure: tangent of slope beta", "d - beta * (rates - r)", "d + beta * (rates - r)"),
        (
            "rate figure: the dot of the held-out images",
            "self.dots[0].set_data([r], [d])",
            "self.dots[0].set_data(held[:1], held[1:2])",
        ),
        (
            "rate figure: one picture for all",
            "self.image.set_data(self.sheets[place])",
            "self.image.set_data(self.sheets[0])",
        ),
    ),
]
