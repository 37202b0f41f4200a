"""The project exercise's archives: built by students, checked by instructors before anything of them is run."""

from deeprestore_lab.submission.building import Built, build
from deeprestore_lab.submission.confinement import Limits, Outcome
from deeprestore_lab.submission.inspection import check
from deeprestore_lab.submission.pdf import page_count
from deeprestore_lab.submission.refusals import Refusal, Refused
from deeprestore_lab.submission.report import write_report
from deeprestore_lab.submission.trial import Trial, try_out

__all__ = [
    "Built",
    "Limits",
    "Outcome",
    "Refusal",
    "Refused",
    "Trial",
    "build",
    "check",
    "page_count",
    "try_out",
    "write_report",
]
