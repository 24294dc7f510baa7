"""Time of a masked autoregressive flow, ours against five libraries and a plain torch loop.

Run ``python tests/benchmarks/bench_flows.py``. All have five affine layers (128, 128) over 64
dimensions, orders reversed in between. Measured are a training step (loss on 128 examples,
gradients, fused Adam), the log-density of 500 examples, and drawing 100 samples. A library that is
not installed is left out, and said to be. Blocks are interleaved in one process with one thread;
the figure is the median over blocks of the ratio of CPU times to ours, with the quartiles: above
one, ours is faster.
"""

from __future__ import annotations

import itertools
import statistics
import time
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_lib.distributions.networks import MaskedMLP
from course_lib.models import AutoregressiveFlow

DIM, HIDDEN, LAYERS, BLOCKS = 64, 128, 5, 15

Actions = tuple[nn.Module, Callable[[Tensor], Tensor], Callable[[int], Tensor]]


class PlainMAF(nn.Module):
    """What one would write without a library: masks, five layers, a loop to sample."""

    def __init__(self) -> None:
        super().__init__()
        order = torch.arange(DIM)
        nets = [
            MaskedMLP(DIM, (HIDDEN, HIDDEN), 2, order=order) for order in (order, order.flip(0))
        ]
        masks = [[layer.mask for layer in net.layers] for net in nets]
        self.orders = [order if k % 2 == 0 else order.flip(0) for k in range(LAYERS)]
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for k, j in itertools.product(range(LAYERS), range(3)):
            mask = masks[k % 2][j]
            self.register_buffer(f"mask{k}{j}", mask)
            self.weights.append(nn.Parameter(torch.randn_like(mask) / mask.shape[1] ** 0.5))
            self.biases.append(nn.Parameter(torch.zeros(len(mask))))

    def conditioner(self, k: int, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mu and log sigma of layer k."""
        for j in range(3):
            weight = self.weights[3 * k + j] * getattr(self, f"mask{k}{j}")
            x = nn.functional.linear(x if j == 0 else torch.relu(x), weight, self.biases[3 * k + j])
        mu, log_scale = x.view(-1, DIM, 2).unbind(-1)
        return mu, 3 * torch.tanh(log_scale / 3)

    def log_prob(self, x: Tensor) -> Tensor:
        """Return log p(x): (n, dim) -> (n,)."""
        total = 0.0
        for k in reversed(range(LAYERS)):
            mu, log_scale = self.conditioner(k, x)
            x, total = (x - mu) * (-log_scale).exp(), total - log_scale.sum(-1)
        return total - 0.5 * (x.square() + 1.8378770664093453).sum(-1)

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """Return n samples by one pass of the network a dimension."""
        z = torch.randn(n, DIM)
        for k in range(LAYERS):
            x = torch.zeros_like(z)
            for i in self.orders[k].tolist():
                mu, log_scale = self.conditioner(k, x)
                x[:, i] = mu[:, i] + log_scale[:, i].exp() * z[:, i]
            z = x
        return z


def course_lib_flow() -> Actions:
    """Return ours."""
    model = AutoregressiveFlow.build(DIM, layers=LAYERS, hidden=(HIDDEN, HIDDEN))
    return model, model.log_prob, model.sample


def plain_flow() -> Actions:
    """Return the plain loop."""
    model = PlainMAF()
    return model, model.log_prob, model.sample


def zuko_flow() -> Actions:
    """Return zuko's MAF."""
    import zuko

    model = zuko.flows.MAF(DIM, transforms=LAYERS, hidden_features=(HIDDEN, HIDDEN))
    return model, lambda x: model().log_prob(x), lambda n: model().sample((n,))


def pyro_flow() -> Actions:
    """Return pyro's affine autoregressive maps, inverted: the density is one pass."""
    import pyro.distributions as dist
    from pyro.distributions.transforms import AffineAutoregressive
    from pyro.nn import AutoRegressiveNN

    order, maps = torch.arange(DIM), []
    for k in range(LAYERS):
        turned = order if k % 2 == 0 else order.flip(0)
        maps.append(
            AffineAutoregressive(AutoRegressiveNN(DIM, [HIDDEN, HIDDEN], permutation=turned))
        )
    model = nn.ModuleList(maps)

    def flow() -> dist.TransformedDistribution:
        base = dist.Normal(torch.zeros(DIM), torch.ones(DIM)).to_event(1)
        for one in maps:
            one.clear_cache()
        return dist.TransformedDistribution(base, [one.inv for one in maps])

    return model, lambda x: flow().log_prob(x), lambda n: flow().sample((n,))


def normflows_flow() -> Actions:
    """Return normflows' masked affine maps, turned round so that the density is one pass."""
    import normflows as nf

    maps = []
    for _ in range(LAYERS):
        layer = nf.flows.MaskedAffineAutoregressive(DIM, HIDDEN, num_blocks=2)
        maps += [nf.flows.Reverse(layer), nf.flows.Permute(DIM, mode="swap")]
    model = nf.NormalizingFlow(nf.distributions.DiagGaussian(DIM, trainable=False), maps)
    return model, model.log_prob, lambda n: model.sample(n)[0]


def nflows_flow() -> Actions:
    """Return nflows' MAF."""
    from nflows.distributions.normal import StandardNormal
    from nflows.flows import Flow
    from nflows.transforms import CompositeTransform, ReversePermutation
    from nflows.transforms.autoregressive import MaskedAffineAutoregressiveTransform

    maps = []
    for _ in range(LAYERS):
        layer = MaskedAffineAutoregressiveTransform(
            DIM, HIDDEN, num_blocks=2, use_residual_blocks=False
        )
        maps += [ReversePermutation(DIM), layer]
    model = Flow(CompositeTransform(maps), StandardNormal([DIM]))
    return model, model.log_prob, model.sample


def pythae_flow() -> Actions:
    """Return pythae's MAF; it has no log-density of its own, so white noise is added here."""
    from pythae.models.normalizing_flows import MAF, MAFConfig

    model = MAF(
        MAFConfig(
            input_dim=(DIM,),
            n_made_blocks=LAYERS,
            n_hidden_in_made=2,
            hidden_size=HIDDEN,
            include_batch_norm=False,
        )
    )

    def log_prob(x: Tensor) -> Tensor:
        out = model(x)
        return out.log_abs_det_jac - 0.5 * (out.out.square() + 1.8378770664093453).sum(-1)

    return model, log_prob, lambda n: model.inverse(torch.randn(n, DIM)).out


FLOWS = {
    "course_lib": course_lib_flow,
    "plain": plain_flow,
    "zuko": zuko_flow,
    "pyro": pyro_flow,
    "normflows": normflows_flow,
    "nflows": nflows_flow,
    "pythae": pythae_flow,
}


def installed() -> dict[str, Actions]:
    """Return the flows that can be built here, and say which cannot."""
    flows = {}
    for name, make in FLOWS.items():
        try:
            flows[name] = make()
        except ImportError as error:
            print(f"{name} is left out: {error}")
    return flows


def jobs(flow: Actions) -> dict[str, tuple[int, Callable[[], object]]]:
    """Return what is timed: how often it runs in a block, and the action."""
    model, log_prob, sample = flow
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-4, fused=True)
    batch, test = torch.randn(128, DIM), torch.randn(500, DIM)

    def step() -> None:
        optimiser.zero_grad()
        (-log_prob(batch).mean()).backward()
        optimiser.step()

    @torch.no_grad()
    def density() -> None:
        log_prob(test)

    @torch.no_grad()
    def draw() -> None:
        sample(100)

    return {
        "training step, batch 128": (10, step),
        "log-density of 500": (10, density),
        "100 samples": (1, draw),
    }


def cpu_seconds(times: int, action: Callable[[], object]) -> float:
    """Return the CPU time of one run of ``action``, the mean over a few."""
    began = time.process_time()
    for _ in range(times):
        action()
    return (time.process_time() - began) / times


def main() -> None:
    """Print one table a job."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    flows = installed()
    all_jobs = {name: jobs(flow) for name, flow in flows.items()}
    for job in all_jobs["course_lib"]:
        times: dict[str, list[float]] = {name: [] for name in flows}
        for block in range(BLOCKS + 2):
            for name, actions in all_jobs.items():
                seconds = cpu_seconds(*actions[job])
                if block >= 2:  # the first two blocks warm the caches
                    times[name].append(seconds)
        ours = times["course_lib"]
        print(f"{job}: course_lib {1e3 * statistics.median(ours):.2f} ms")
        for name, theirs in times.items():
            ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
            low, middle, high = statistics.quantiles(ratios, n=4)
            print(
                f"  {name:12} {1e3 * statistics.median(theirs):8.2f} ms,"
                f" {middle:6.2f} x ours [{low:.2f}, {high:.2f}]"
            )


if __name__ == "__main__":
    main()
