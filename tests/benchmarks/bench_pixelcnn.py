"""Time of sampling a PixelCNN: stored features against the plain loop, side by side.

Run ``python tests/benchmarks/bench_pixelcnn.py``. The plain loop passes the whole image through the
same network for every pixel; "rows so far" leaves out the rows below the pixel. The three are
interleaved in one process with one thread; the figure is the median over blocks of CPU time an
image, and the median ratio. All three draw from the same logits (see the tests). The last lines
compare one training step with the same network written in plain torch, without masks as buffers.
If pythae is installed, its PixelCNN of 14x14 images is drawn from in its own way as well.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, pad

from course_lib.distributions.pixel_network import GatedPixelNetwork
from course_lib.distributions.pixelcnn_sampling import sample_pixels

CASES = {
    "8x8, 24 features, 4 layers, 100 images": ((1, 8, 8), 24, 4, 100),
    "14x14, 32 features, 5 layers, 1 image": ((1, 14, 14), 32, 5, 1),
    "14x14, 32 features, 5 layers, 16 images": ((1, 14, 14), 32, 5, 16),
    "28x28, 32 features, 5 layers, 1 image": ((1, 28, 28), 32, 5, 1),
}
BLOCKS = 3


def plain(network: GatedPixelNetwork, n: int, *, rows_so_far: bool = False) -> Tensor:
    """Return n images, one full pass of the network for each pixel."""
    x = network.bias.new_zeros(n, *network.bias.shape[1:])
    for row in range(x.shape[2]):
        for column in range(x.shape[3]):
            logits = upper_rows(network, x[:, :, : row + 1]) if rows_so_far else network(x)
            x[..., row, column] = torch.bernoulli(logits[..., row, column].sigmoid())
    return x


def upper_rows(network: GatedPixelNetwork, x: Tensor) -> Tensor:
    """Return the logits of the first rows, which no later row can change."""
    rows = x.shape[2]
    place, bias = network.place, network.bias
    try:
        network.place = nn.Parameter(place[:, :, :rows])
        network.bias = nn.Parameter(bias[:, :, :rows])
        return network(x)
    finally:
        network.place, network.bias = place, bias


class PlainNetwork(nn.Module):
    """The same stacks as one would write them without a library, for one channel and no z."""

    def __init__(self, like: GatedPixelNetwork) -> None:
        super().__init__()
        features = like.sizes[-1]
        self.half_widths = [layer.half_width for layer in like.layers]
        self.vertical, self.link = nn.ModuleList(), nn.ModuleList()
        self.horizontal, self.output = nn.ModuleList(), nn.ModuleList()
        for i, half_width in enumerate(self.half_widths):
            inputs = features if i else 1
            self.vertical.append(
                nn.Conv2d(inputs, 2 * features, (half_width + 1, 2 * half_width + 1))
            )
            self.link.append(nn.Conv2d(2 * features, 2 * features, 1, bias=False))
            self.horizontal.append(nn.Conv2d(inputs, 2 * features, (1, half_width + (i > 0))))
            self.output.append(nn.Conv2d(features, 2 * features, 1))
        self.place = nn.Parameter(torch.zeros(1, 8, *like.bias.shape[2:]))
        self.from_place = nn.Conv2d(8, sum(like.sizes), 1)
        self.head = nn.Sequential(
            nn.ReLU(), nn.Conv2d(features, features, 1), nn.ReLU(), nn.Conv2d(features, 1, 1)
        )
        self.bias = nn.Parameter(torch.zeros(1, *like.bias.shape[1:]))
        self.sizes = like.sizes

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        *conditions, skip = self.from_place(self.place).split(self.sizes, 1)
        above = left = x
        for i, half_width in enumerate(self.half_widths):
            shift = int(i == 0)
            if i:
                a, b = above.chunk(2, 1)
                above = a.tanh() * b.sigmoid()
            above = self.vertical[i](
                pad(above, (half_width, half_width, half_width + shift, -shift))
            )
            seen = self.horizontal[i](pad(left, (half_width, -shift))) + self.link[i](above)
            a, b = (seen + conditions[i]).chunk(2, 1)
            residual, said = self.output[i](a.tanh() * b.sigmoid()).chunk(2, 1)
            left = left + residual if i else residual
            skip = skip + said
        return self.head(skip) + self.bias


def cpu_seconds(action: Callable[[], object]) -> float:
    """Return the CPU time that ``action`` takes in this process."""
    began = time.process_time()
    action()
    return time.process_time() - began


def interleaved(contenders: dict[str, Callable[[], object]], blocks: int) -> dict[str, list[float]]:
    """Return the CPU seconds of every contender in every block; one block more warms up."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for block in range(blocks + 1):
        for name, action in contenders.items():
            seconds = cpu_seconds(action)
            if block:
                times[name].append(seconds)
    return times


def report(times: dict[str, list[float]], per: float, unit: str) -> None:
    """Print each contender's median and its ratio to the first."""
    first = next(iter(times.values()))
    for name, seconds in times.items():
        ratio = statistics.median(a / b for a, b in zip(seconds, first, strict=True))
        print(f"  {name:28} {1e3 * statistics.median(seconds) / per:9.2f} {unit}  x {ratio:.2f}")


@torch.no_grad()
def sampling() -> None:
    """Print the time of drawing, a table a case."""
    for title, (shape, features, layers, n) in CASES.items():
        network = GatedPixelNetwork(torch.Size(shape), features, layers)
        print(title)
        contenders = {
            "stored features": lambda f=network, n=n: sample_pixels(f, n),
            "plain loop": lambda f=network, n=n: plain(f, n),
            "plain loop, rows so far": lambda f=network, n=n: plain(f, n, rows_so_far=True),
        }
        report(interleaved(contenders, BLOCKS), n, "ms an image")


def step(network: nn.Module, x: Tensor) -> None:
    """Compute the gradient of the negative log-likelihood."""
    network.zero_grad()
    (binary_cross_entropy_with_logits(network(x), x, reduction="sum") / len(x)).backward()


def training() -> None:
    """Print the time of a gradient, ours and plain."""
    shape, features, layers, n = CASES["8x8, 24 features, 4 layers, 100 images"]
    ours = GatedPixelNetwork(torch.Size(shape), features, layers)
    theirs, x = PlainNetwork(ours), torch.bernoulli(torch.rand(n, *shape))
    print("gradient of 100 images of 8x8, 24 features, 4 layers")
    contenders = {
        "course_lib": lambda: [step(ours, x) for _ in range(5)],
        "plain torch": lambda: [step(theirs, x) for _ in range(5)],
    }
    report(interleaved(contenders, 9), 5, "ms a step")


def peer() -> None:
    """Print the time of a 14x14 sample of pythae's PixelCNN, if pythae can be imported."""
    try:
        from pythae.models.normalizing_flows import PixelCNN, PixelCNNConfig
    except ImportError:
        print("pythae is not installed: its row is left out")
        return
    model = PixelCNN(PixelCNNConfig(input_dim=(1, 14, 14), n_embeddings=2, n_layers=4)).eval()

    @torch.no_grad()
    def theirs() -> None:
        x = torch.zeros(16, 1, 14, 14)
        for row in range(14):
            for column in range(14):
                logits = model.net(x)
                probability = logits.softmax(1)[:, 1, row, column]
                x[:, 0, row, column] = torch.bernoulli(probability)

    weights = sum(p.numel() for p in model.parameters())
    ours = GatedPixelNetwork(torch.Size((1, 14, 14)), 55, 5)
    print(
        f"14x14, 16 images; pythae's PixelCNN has {weights} weights,"
        f" ours {sum(p.numel() for p in ours.parameters())}"
    )
    with torch.no_grad():
        report(
            interleaved({"course_lib": lambda: sample_pixels(ours, 16), "pythae": theirs}, BLOCKS),
            16,
            "ms an image",
        )


if __name__ == "__main__":
    torch.set_num_threads(1)
    training()
    sampling()
    peer()
