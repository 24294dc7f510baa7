"""Mistakes in coupling, neural and element-wise maps, in pixel units, orders and identities."""

from mutant import mutants_of

COUPLING = "distributions/test_coupling.py"
NEURAL = "distributions/test_neural_autoregressive.py"
ELEMENTWISE = "distributions/test_elementwise.py"
PIXELS = "distributions/test_pixels_transform.py"
STEPS = "distributions/test_stepwise.py"
IDENTITIES = "exact/test_flow_identities.py"
MODELS = "models/test_flow_models.py"

FLOWS = [
    *mutants_of(
        "distributions/transforms/coupling.py",
        COUPLING,
        ("flows, coupling: log-det left unsigned", "-log_scale.sum(-1)", "log_scale.sum(-1)"),
        ("flows, coupling: exp(s) in both directions", "(-log_scale).exp()", "log_scale.exp()"),
        (
            "flows, coupling: dimensions not put back",
            "torch.cat((kept, moved), -1)[..., places]",
            "torch.cat((kept, moved), -1)",
        ),
        ("flows, coupling: places not inverted", "self.moved)).argsort()", "self.moved))"),
        ("flows, coupling: NICE that scales", "torch.zeros_like(out)", "softclip(out, 1.0)"),
        (
            "flows, coupling: context left out",
            "torch.cat((kept, context), -1)",
            "torch.cat((kept, 0 * context), -1)",
        ),
        ("flows, coupling: no bound on s", "softclip(raw, self.bound)", "raw"),
        (
            "flows, coupling: starts at random",
            "nn.init.zeros_(self.network[-1].weight)",
            "pass",
        ),
        (
            "flows, coupling: checkerboard of stripes",
            'indexing="ij")).sum(0)',
            'indexing="ij"))[-1]',
        ),
    ),
    *mutants_of(
        "distributions/transforms/neural.py",
        NEURAL,
        (
            "flows, NAF: sum over the batch",
            "sigmoidal_flow(x, parameters)[1].sum(-1)",
            "sigmoidal_flow(x, parameters)[1].sum()",
        ),
        (
            "flows, NAF: sign of the log-det",
            "log_det = log_det - sigmoidal_flow",
            "log_det = log_det + sigmoidal_flow",
        ),
        (
            "flows, NAF: weights normalised over dimensions",
            "torch.log_softmax(weight, -1)",
            "torch.log_softmax(weight, -2)",
        ),
        (
            "flows, NAF: slope left out of the log-det",
            "log_weight + log_slope + log_s",
            "log_weight + log_s",
        ),
        ("flows, NAF: slope of the mixture, not of its logit", "slope - above - below", "slope"),
        (
            "flows, NAF: slope taken for its logarithm",
            "log_slope.exp() * x.unsqueeze",
            "log_slope * x.unsqueeze",
        ),
        ("flows, NAF: root without a gradient", "x + (step - step.detach())", "x"),
        ("flows, NAF: units start equal", "shift + self.places", "shift"),
        (
            "flows, NAF: Newton without a bracket",
            "torch.where(inside, newton, (low + high) / 2)",
            "newton",
        ),
        (
            "flows, NAF: unreachable points unnoticed",
            "if known_true((low + high).isfinite().logical_not().any())",
            "if False",
        ),
        ("flows, NAF: no bound on the slope", "softclip(log_slope, self.bound)", "log_slope"),
    ),
    *mutants_of(
        "distributions/transforms/elementwise.py",
        ELEMENTWISE,
        ("flows, diagonal: spread of n - 1", "correction=0", "correction=1"),
        (
            "flows, diagonal: log-det of one sign",
            "return z, -self.log_scale.sum()",
            "return z, self.log_scale.sum()",
        ),
        (
            "flows, marginal: places as shifts",
            "-self.log_slope.exp() * self.place",
            "self.log_slope.exp() * self.place",
        ),
        (
            "flows, marginal: log-det unsigned",
            "-sigmoidal_flow(x, self.curves)[1]",
            "sigmoidal_flow(x, self.curves)[1]",
        ),
        (
            "flows, marginal: width for slope",
            "(4 / share.maximum(least))",
            "(share.maximum(least) / 4)",
        ),
        ("flows, marginal: ties divide by zero", "share.maximum(least)", "share"),
        ("flows, marginal: constant data accepted", "(x.amax(0) > x.amin(0)).all()", "True"),
    ),
    *mutants_of(
        "distributions/transforms/pixels.py",
        PIXELS,
        (
            "flows, logit: levels left out of the log-det",
            "math.log(self.slope) - log_p",
            "math.log(1 - 2 * self.alpha) - log_p",
        ),
        (
            "flows, logit: its Jacobian left out",
            "(math.log(self.slope) - log_p - log_q)",
            "(math.log(self.slope) + 0 * log_p)",
        ),
        ("flows, logit: half a Jacobian", "- log_p - log_q)", "- log_p)"),
        (
            "flows, logit: margin on one side only",
            "(1 - 2 * self.alpha) / self.levels",
            "(1 - self.alpha) / self.levels",
        ),
        (
            "flows, logit: constant with the other sign",
            "logsigmoid(-x) - math.log(self.slope)",
            "logsigmoid(-x) + math.log(self.slope)",
        ),
        (
            "flows, logit: levels outside accepted",
            "if known_true(((p <= -eps) | (p >= 1 + eps) | p.isnan()).any())",
            "if False",
        ),
        (
            "flows, logit: far samples overflow",
            "p.clamp(torch.finfo(p.dtype).tiny, 1 - eps / 2)",
            "p",
        ),
    ),
    *mutants_of(
        "distributions/transforms/base.py",
        PIXELS,
        (
            "flows, reshape: columns before rows",
            "z.unflatten(-1, self.event_shape), z",
            "z.unflatten(-1, self.event_shape[::-1]).mT, z",
        ),
    ),
    *mutants_of(
        "distributions/transforms/stepwise.py",
        STEPS,
        (
            "flows, steps: units speak a visit late",
            "(layer + 1, torch.relu",
            "(layer + 1, 0.9 * torch.relu",
        ),
        (
            "flows, steps: mask not applied",
            "(layer.weight * layer.mask)[after]",
            "layer.weight[after]",
        ),
        (
            "flows, steps: dimensions not put back",
            "torch.cat(self._values, -1)[..., self.sequence.argsort()]",
            "torch.cat(self._values, -1)",
        ),
        (
            "flows, steps: sequence not inverted",
            "[..., self.sequence.argsort()]",
            "[..., self.sequence]",
        ),
        ("flows, steps: context forgotten", "sums[0] + steer", "sums[0] + 0 * steer"),
        ("flows, steps: an input waits for itself", "waits = times[0] + 1", "waits = times[0]"),
    ),
    *mutants_of(
        "exact/identities/flows.py",
        IDENTITIES,
        (
            "flows, identity 10: extra log-det with the wrong sign",
            "log_normal(noise) + last + total",
            "log_normal(noise) - last + total",
        ),
        ("flows, identity 10: layers in sampling's order", "in reversed(flow)", "in flow"),
        (
            "flows, identity 10: prior at x",
            "_density(log_prior, z) + total",
            '_density(log_prior, as_float64(x, "x")) + total',
        ),
        (
            "flows, identity 10: IAF posterior's log-det",
            "(log_q - log_det) - log",
            "(log_q + log_det) - log",
        ),
        ("flows, identity 11: log-dets equal", "log_det_back, -log_det)", "log_det_back, log_det)"),
        (
            "flows, identity: difference over its own size",
            "right.abs().clamp(min=1)",
            "(left - right).abs().clamp(min=1e-300) * 1e10",
        ),
    ),
    *mutants_of(
        "models/flow_model.py",
        MODELS,
        ("flows: one order in all layers", "dim - 1 - drawn[-1]", "drawn[-1]"),
        (
            "flows: random orders are not",
            'torch.randperm(dim) if order == "random"',
            'torch.arange(dim) if order == "random"',
        ),
        (
            "flows: logit the wrong way round",
            "[Inverse(Logit(levels, alpha))]",
            "[Logit(levels, alpha)]",
        ),
        ("flows: fitted to the data as they come", "x = transform.inverse(x)[0]", "pass"),
    ),
    *mutants_of(
        "models/coupling_flow.py",
        MODELS,
        ("flows: one mask in all couplings", "mask if layer % 2 == 0 else ~mask", "mask"),
    ),
    *mutants_of(
        "models/inverse_autoregressive_flow.py",
        MODELS,
        ("flows: MAF sold as IAF", "[*map(Inverse, layers_of), *last]", "[*layers_of, *last]"),
    ),
]
