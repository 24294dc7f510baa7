"""Mistakes in the product of experts, the multimodal VAE and the semi-supervised VAE."""

from mutant import mutants_of

EXPERTS = "distributions/test_experts.py"
VIEWS = "distributions/test_modalities.py"
MULTIMODAL = "models/test_multimodal_vae.py"
SEMI_SUPERVISED = "models/test_semi_supervised_vae.py"
PAIRS = "data/test_pairs.py"
IDENTITIES = "exact/test_expert_identities.py"
TIE = "exact/test_tie.py"
TWO = "exact/test_two_experts.py"
FIGURES = "figures/test_multimodal.py"

MODALITIES = [
    *mutants_of(
        "distributions/experts.py",
        EXPERTS,
        ("experts: variances averaged", "-2 * torch.stack(scales)", "2 * torch.stack(scales)"),
        ("experts: scales for variances", "= -2 * torch.stack(scales)", "= -torch.stack(scales)"),
        (
            "experts: logs of precisions summed",
            "-0.5 * log_precision.logsumexp(0)",
            "-0.5 * log_precision.sum(0)",
        ),
        ("experts: precision not inverted", "-0.5 * log_precision", "0.5 * log_precision"),
        (
            "experts: means averaged without weights",
            "(log_precision.softmax(0) * torch.stack(means)).sum(0)",
            "torch.stack(means).mean(0)",
        ),
        ("experts: prior omitted", "[self.prior(), *opinions]", "opinions or [self.prior()]"),
        (
            "experts: prior counted once for each expert",
            "[self.prior(), *opinions]",
            "[self.prior()] * max(1, len(opinions)) + opinions",
        ),
        (
            "experts: missing modality read as zeros",
            "for name, value in context.items()]",
            "for name, value in {**{m: 0 * next(iter(context.values())) for m in self.experts"
            " if context}, **context}.items()]",
        ),
    ),
    *mutants_of(
        "distributions/modalities.py",
        VIEWS,
        (
            "modalities: every modality scored by the first brick",
            "self.likelihoods[name](self.z).log_prob(value)",
            "next(iter(self.likelihoods.values()))(self.z).log_prob(value)",
        ),
        (
            "modalities: nets read in the caller's order",
            "for name in self.names]",
            "for name in x]",
        ),
        (
            "modalities: a net for any set of that size",
            "self._keys.get(frozenset(x))",
            "{len(s): key for s, key in self._keys.items()}.get(len(x))",
        ),
        (
            "modalities: a larger set's net for a smaller one",
            "self._keys.get(frozenset(x))",
            "next((key for s, key in self._keys.items() if s >= set(x)), None)",
        ),
        ("modalities: different lengths let through", "len(set(sizes.values())) > 1", "False"),
    ),
    *mutants_of(
        "models/multimodal_vae.py",
        MULTIMODAL,
        ("tied: directions swapped", '== "forward" else', '!= "forward" else'),
        ("tied: joint net dragged", "_held(joint) if detach_joint else joint", "joint"),
        ("tied: joint net always held", "_held(joint) if detach_joint else joint", "_held(joint)"),
        ("tied: only the mean is held", "q.log_scale.detach()", "q.log_scale"),
        ("tied: KL added", "torch.sub(bound", "torch.add(bound"),
        ("tied: alpha forgotten", ", alpha=alpha)", ")"),
        (
            "tied: only one modality tied",
            "if len(names) < len(x):",
            "if names[0] == model.names[0] and len(names) < len(x):",
        ),
        ("tied: pairs of three left loose", "if len(names) < len(x):", "if len(names) == 1:"),
        ("subsets: joint bound only", "if set(names) <= set(x)]", "if set(names) == set(x)]"),
        ("subsets: joint bound left out", "if set(names) <= set(x)]", "if set(names) < set(x)]"),
        (
            "conditional: proposal sees one modality",
            "self.likelihood, self.posterior(x), rest, k",
            "self.likelihood, self.posterior(observed), rest, k",
        ),
        (
            "conditional: z from the prior",
            "            self.posterior(observed), self.likelihood,",
            "            self.prior(), self.likelihood,",
        ),
        (
            "conditional: observed modality scored too",
            "self.posterior(x), rest, k",
            "self.posterior(x), x, k",
        ),
        (
            "conditional: difference the wrong way round",
            "self.importance_bound(x, k) - self.importance_bound(observed, k)",
            "self.importance_bound(observed, k) - self.importance_bound(x, k)",
        ),
        (
            "conditional: draws from the prior",
            "z = self.posterior(observed).sample(",
            "z = self.posterior(observed).expand((len(next(iter(observed.values()))),)).mean"
            " * 0 + self.prior().expand((len(next(iter(observed.values()))),)).sample(",
        ),
        (
            "conditional: one draw for all",
            "return self.likelihood.of(names)(z).sample()",
            "return self.likelihood.of(names)(z[:1].expand_as(z)).sample()",
        ),
    ),
    *mutants_of(
        "models/semi_supervised_vae.py",
        SEMI_SUPERVISED,
        (
            "M2: entropy left out",
            "self.class_prior().logits)).sum(-1) - entropy",
            "self.class_prior().logits)).sum(-1)",
        ),
        ("M2: entropy with the wrong sign", ".sum(-1) - entropy", ".sum(-1) + entropy"),
        ("M2: p(y) left out", "(given_y.kl.T - self.class_prior().logits)", "given_y.kl.T"),
        ("M2: p(y) with the wrong sign", "(given_y.kl.T - self", "(given_y.kl.T + self"),
        ("M2: entropy at labelled examples", "entropy = entropy * missing", "pass"),
        (
            "M2: labels ignored",
            "torch.where(missing[:, None], weight,",
            "torch.where(missing[:, None] | True, weight,",
        ),
        (
            "M2: all classes count alike",
            "weight, entropy = q.mean",
            "weight, entropy = 0 * q.mean + 1 / self.classes",
        ),
        (
            "M2: classifier taught by unlabelled examples",
            "log_q = (self._one_hot(label, x) * q.logits)",
            "log_q = (self._one_hot(label.clamp(min=0), x) * q.logits)",
        ),
        ("M2: alpha forgotten", "self.alpha * log_q", "log_q"),
        ("M2: classification term subtracted", "+ self.alpha * log_q", "- self.alpha * log_q"),
        (
            "M2: importance bound averages y",
            "return log_joint.logsumexp(-1)\n",
            "return log_joint.mean(-1)\n",
        ),
        (
            "M2: importance bound without p(y)",
            "log_joint = given_y.T + self.class_prior().logits",
            "log_joint = given_y.T",
        ),
        (
            "M2: q(z|x) does not see y",
            "self.posterior(torch.cat([x.flatten(1).expand(len(y), -1, -1), y], -1))",
            "self.posterior(torch.cat([x.flatten(1).expand(len(y), -1, -1), 0 * y], -1))",
        ),
        (
            "M2: classify by the prior",
            "return self.classifier(x).logits.argmax(-1)",
            "return (0 * self.classifier(x).logits).argmax(-1)",
        ),
        (
            "M2: class asked for ignored",
            "if label is not None:\n            if label not",
            "if label is None:\n            if label not",
        ),
    ),
    *mutants_of(
        "data/pairs.py",
        PAIRS,
        ("pairs: strays may stay", "source.randint(1, HUES, n)", "source.randint(0, HUES, n)"),
        (
            "pairs: stay is the share of strays",
            "source.random_sample(n) >= stay",
            "source.random_sample(n) < stay",
        ),
        (
            "pairs: hue leaks through the luma",
            "0.5 + chroma",
            "0.4 + 0.02 * torch.arange(HUES)[:, None] + 0.5 * chroma",
        ),
        (
            "pairs: draws shared by the parts",
            "    parts = [\n        _pairs(levels, bits.x, stay, source)",
            "    parts = [\n        _pairs(levels, bits.x, stay, np.random.RandomState(0))",
        ),
    ),
    *mutants_of(
        "exact/identities/experts.py",
        IDENTITIES,
        (
            "identity 15: prior omitted",
            "precision = 1 + precisions.sum(0)",
            "precision = 1e-9 + precisions.sum(0)",
        ),
        (
            "identity 15: product not normalised",
            "log_product - grid.log_integral(log_product)",
            "log_product",
        ),
        (
            "identity 15: missing expert kept",
            "(precisions * means[keep]).sum(0)",
            "(scales**-2 * means).sum(0)",
        ),
        ("tie: average over x2 unweighted", "average = q_both @ p_x2", "average = q_both.mean(1)"),
        ("tie: last KL the other way", "tables.kl(average, q_one)", "tables.kl(q_one, average)"),
        ("tie: geometric mean not normalised", "geometric / geometric.sum()", "geometric"),
        ("tie: arithmetic mean of the logs", "(q_both.log() @ p_x2).exp()", "(q_both @ p_x2)"),
        (
            "Bayes: prior not divided out",
            "apart - log_normal(z) + evidence",
            "apart + evidence",
        ),
    ),
    *mutants_of(
        "exact/tie.py",
        TIE,
        ("tie: spread of the means left out", "+ (mean - centre).square()", ""),
        ("tie: widths of the components left out", "scale.square() + (mean", "(mean"),
        (
            "tie: reverse averages variances",
            "weight[:, None] * scale**-2",
            "weight[:, None] * scale**2",
        ),
        ("tie: nothing is dragged", "alpha * found.scale**-2", "0 * found.scale**-2"),
        ("tie: dragged posteriors too narrow", "(own + pull) / (1 + alpha)", "(own + pull)"),
    ),
    *mutants_of(
        "exact/two_experts.py",
        TWO,
        ("two experts: prior divided out", "(scales**-2).sum(0)\n", "(scales**-2).sum(0) - 1\n"),
        ("two experts: mixture of one", "torch.full((2,), 0.5", "torch.tensor([1.0, 1e-9]"),
        (
            "two experts: cost the other way",
            "log_exact = exact.log",
            "exact, shown = shown, exact\n    log_exact = exact.log",
        ),
        ("two experts: draws without their width", "self.scale[component] * noise", "noise"),
    ),
    *mutants_of(
        "figures/multimodal/experts.py",
        FIGURES,
        ("experts: an absent view is drawn", "            line.set_visible(there)\n", ""),
        (
            "experts: ellipses as wide as variances",
            "float(scale[0]) * np.cos",
            "float(scale[0]) ** 2 * np.cos",
        ),
        (
            "experts: decoded from the exact product",
            "shown.at(self.uniform",
            "exact.at(self.uniform",
        ),
    ),
    *mutants_of(
        "figures/multimodal/tie.py",
        FIGURES,
        (
            "tie figure: shares of the nearest peak only",
            "answer @ log_q.softmax(0)",
            "weight.clone()",
        ),
        ("tie figure: divergences exchanged", "_kl(log_true, log_q)", "_kl(log_q, log_true)"),
        (
            "tie figure: the reverse tie is the forward one",
            "library = reverse_tie(",
            "library = forward_tie(",
        ),
    ),
]
