"""Random numbers of one seed, against torch's global generator after `manual_seed`."""

import ast
import threading
from pathlib import Path

import pytest
import torch
from torch import nn

from deeprestore_lab.core.seeding import DRAWING, LIKE, WITHOUT, seeded
from deeprestore_lab.networks import leaky_layers
from deeprestore_lab.networks.hourglass import Widths
from deeprestore_lab.parametrisations import DeepImagePrior

NARROW = Widths((4, 6), (4, 6), (2, 2))
PACKAGE = Path(__file__).parents[2] / "deeprestore_lab"


def everything() -> list[torch.Tensor]:
    """What the library's modules draw, and what a module of a reader may."""
    layers = [nn.Linear(5, 4), nn.Conv2d(3, 4, 3), nn.ConvTranspose2d(3, 2, 3), nn.Bilinear(2, 3, 4), nn.GRU(2, 3)]
    layers += [nn.Embedding(3, 2), nn.MultiheadAttention(4, 2), leaky_layers([4, 8, 3])]
    found = [p.detach() for layer in layers for p in layer.parameters()]
    for start in (nn.init.xavier_normal_, nn.init.kaiming_normal_, nn.init.orthogonal_, nn.init.trunc_normal_):
        found.append(start(torch.empty(4, 3)))
    found += [
        nn.init.sparse_(torch.empty(4, 3), 0.5),
        nn.init.normal_(torch.empty(3)),
        nn.init.uniform_(torch.empty(3)),
    ]
    share = torch.full((20,), 0.3)
    found += [torch.rand(3), torch.randn(2, 3, dtype=torch.float64), torch.randint(9, (4,)), torch.randint(3, 9, (4,))]
    found += [torch.randperm(7), torch.bernoulli(share), torch.normal(share, 2.0), torch.normal(0.0, 1.0, (3,))]
    found += [torch.poisson(9 * share), torch.multinomial(share, 3), torch.rand_like(share), torch.randn_like(share)]
    found += [torch.empty(9).exponential_(), torch.empty(9).random_(5), torch.distributions.Normal(0.0, 1.0).sample()]
    return [*found, torch.rand(size=(2, 2)), share.clone().bernoulli_(0.4)]


def test_numbers_are_those_of_the_global_generator_at_that_seed():
    for seed in (0, 7, 2**63 + 5):
        with seeded(seed):
            ours = everything()
        torch.manual_seed(seed)
        theirs = everything()
        assert all(map(torch.equal, ours, theirs)) and len(ours) == len(theirs)


def test_the_global_generator_is_neither_seeded_nor_drawn_from():
    before = torch.get_rng_state()
    with seeded(3) as draws:
        everything()
    assert draws.drew and torch.equal(torch.get_rng_state(), before)
    with seeded(3) as draws:
        torch.ones(3).relu()
    assert not draws.drew


def test_a_generator_that_is_given_is_used():
    own = torch.Generator().manual_seed(5)
    with seeded(3):
        x = torch.rand(4, generator=own)
    assert torch.equal(x, torch.rand(4, generator=torch.Generator().manual_seed(5)))


def test_what_takes_no_generator_is_refused_by_name_while_it_draws():
    with seeded(0):
        for draw in (nn.Dropout(0.5), nn.Dropout2d(0.5), nn.RReLU(), nn.AlphaDropout(0.5)):
            with pytest.raises(ValueError, match="takes no generator"):
                draw(torch.ones(1, 2, 3, 3))
            assert torch.equal(draw.eval()(torch.ones(1, 2, 3, 3)), torch.ones(1, 2, 3, 3))
    with pytest.raises(ValueError, match="seed must be"):
        seeded(-1)


def test_shapes_without_numbers_need_no_generator():
    with torch.device("meta"), seeded(0):
        assert nn.Linear(3, 4).weight.is_meta and torch.rand(3).is_meta


def test_every_function_of_torch_that_takes_a_generator_is_known():
    """Torch's own schemas name them; ops that only Python code of torch calls stand behind the functions here."""
    names = {name.split("::")[1].split(".")[0] for name in torch._C._dispatch_get_all_op_names() if "aten::" in name}
    taking = set()
    for name in names:
        for schema in torch._C._jit_get_schemas_for_operator(f"aten::{name}"):
            if any(argument.name == "generator" for argument in schema.arguments):
                taking.add(name)
    taking = {name for name in taking if not name.startswith("_")}
    public = {name for name in taking if callable(getattr(torch, name, None)) or hasattr(torch.Tensor, name)}
    assert {"rand", "normal_", "randperm"} <= public, "the schemas were read"
    assert public - DRAWING - set(LIKE) - WITHOUT - {"random"} == set(), "torch.random is a module"


def together(make, count: int = 4) -> list:
    """What `make(i)` gives in threads that run at once; an error in one of them is raised here."""
    found, barrier = [None] * count, threading.Barrier(count)

    def work(i):
        barrier.wait()
        try:
            found[i] = make(i)
        except BaseException as error:
            found[i] = error

    threads = [threading.Thread(target=work, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for own in found:
        if isinstance(own, BaseException):
            raise own
    return found


def test_priors_made_in_threads_have_the_weights_of_their_seeds():
    def make(i):
        return [DeepImagePrior((1, 1, 12, 12), widths=NARROW, seed=seed).theta.detach() for seed in (i, 0, i)]

    alone = [make(i) for i in range(4)]
    before = torch.get_rng_state()
    for own, expected in zip(together(make), alone, strict=True):
        assert all(map(torch.equal, own, expected))
    assert torch.equal(torch.get_rng_state(), before)


def seeding_calls(path: Path) -> list[str]:
    """Where a file seeds, forks or sets a global generator of torch."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        text = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        own_generator = (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith((").manual_seed", "generator.manual_seed"))
            and "default_generator" not in text
        )
        if text.endswith(("manual_seed", "manual_seed_all", "fork_rng", "set_rng_state")) and not own_generator:
            found.append(f"{path.name}:{node.lineno} {text}")
    return found


# An exercise's source may draw from the global generators, which its trial starts again and puts back. Dropout draws
# from them too: a training run that is taken up again goes on where they were.
ALLOWED = {"teaching/exercises/rehearsal.py", "training/before.py"}


def test_nothing_in_the_library_or_its_scripts_touches_the_global_generator():
    root = PACKAGE.parent
    files = [p for p in PACKAGE.rglob("*.py") if p.relative_to(PACKAGE).as_posix() not in ALLOWED]
    files += (root / "scripts").rglob("*.py")
    assert len(files) > 100
    assert [call for path in files for call in seeding_calls(path)] == []


def test_such_calls_are_seen(tmp_path):
    file = tmp_path / "bad.py"
    lines = ["torch.manual_seed(0)", "torch.Generator().manual_seed(0)", "torch.random.fork_rng(devices=[])"]
    lines += ["torch.default_generator.manual_seed(1)", "torch.cuda.manual_seed_all(1)", "torch.set_rng_state(s)"]
    file.write_text("\n".join(lines))
    assert [call.split()[0][-1] for call in seeding_calls(file)] == ["1", "3", "4", "5", "6"]
