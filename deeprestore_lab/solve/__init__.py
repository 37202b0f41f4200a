"""The argmin of the equation: `minimise`, its solvers, and the trace it returns."""

from deeprestore_lab.solve.bookkeeping import NonFiniteError
from deeprestore_lab.solve.gauss_newton import NewtonPath, gauss_newton
from deeprestore_lab.solve.minimise import minimise
from deeprestore_lab.solve.solver import Solver
from deeprestore_lab.solve.stopping import WindowedVariance
from deeprestore_lab.solve.trace import Trace

__all__ = [
    "NewtonPath",
    "NonFiniteError",
    "Solver",
    "Trace",
    "WindowedVariance",
    "gauss_newton",
    "minimise",
]
