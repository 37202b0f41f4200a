"""Data sets in tiers: the local folder first, then the network when allowed, then what is embedded.

Which one was used is printed, never silent. Tiers, names and licences: `sources`, or `python -m deeprestore_lab
data list` (`--licences` shows these). Environment variables, read at each call: `DEEPRESTORE_DATA` (local folder),
`DEEPRESTORE_DOWNLOAD=1` (allow downloads), `DEEPRESTORE_CACHE` (where they are kept).
"""

from deeprestore_lab.data.downloads import fetch
from deeprestore_lab.data.embedded import embedded_mnist
from deeprestore_lab.data.files import DataError, cache_folder, local_folder
from deeprestore_lab.data.sets import Dataset, bsds_training, cifar10, mnist, test_set
from deeprestore_lab.data.sources import Source, sources

__all__ = [
    "DataError",
    "Dataset",
    "Source",
    "bsds_training",
    "cache_folder",
    "cifar10",
    "embedded_mnist",
    "fetch",
    "local_folder",
    "mnist",
    "sources",
    "test_set",
]
