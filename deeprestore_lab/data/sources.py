"""What data there is, in three tiers: local (a folder you name), network (when you allow it), embedded (always)."""

from dataclasses import dataclass

from deeprestore_lab.core.artifacts import SHIPPED, card
from deeprestore_lab.data.downloads import NETWORK, fetched
from deeprestore_lab.data.local import LOCAL, local_path

_EMBEDDED = {
    "photographs": ("each its own: `images.photograph_source`", "21 photographs in scikit-image and scikit-learn"),
    "mnist": (
        "CC BY-SA 3.0 as commonly stated (Y. LeCun, C. Cortes, C. Burges)",
        "6000 + 2000 handwritten digits of MNIST, 28 x 28",
    ),
    "digits": ("not stated by scikit-learn", "1797 handwritten digits, 8 x 8, in scikit-learn"),
    "painting": ("public domain (reproduction: WebMuseum, by way of GCompris)", "van Gogh's Village Street in Auvers"),
    "patterns": ("BSD-3 (this package)", "procedural pictures, each a formula"),
}


@dataclass(frozen=True)
class Source:
    """One set of data: its tier, whether it is at hand now, its size in bytes (0: not counted) and its licence."""

    name: str
    tier: str
    available: bool
    size: int
    licence: str
    note: str


def sources() -> list[Source]:
    """All data, in the order in which it is looked for: local, network, embedded. Nothing is downloaded here.

    A network source is `available` when it was fetched before. Raises `DataError` where DEEPRESTORE_DATA names no
    folder.

    >>> sorted({source.tier for source in sources()})
    ['embedded', 'local', 'network']
    """
    found = []
    for name, (_, licence, note) in LOCAL.items():
        folder = local_path(name)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) if folder else 0
        found.append(Source(name, "local", size > 0, size, licence, note))
    for name, (size, licence, note) in NETWORK.items():
        found.append(Source(name, "network", fetched(name), size, licence, note))
    sizes = {
        name: sum((SHIPPED / "records" / file).stat().st_size for file in card(name).sha256)
        for name in ("mnist", "painting")
    }
    return found + [Source(name, "embedded", True, sizes.get(name, 0), *rest) for name, rest in _EMBEDDED.items()]
