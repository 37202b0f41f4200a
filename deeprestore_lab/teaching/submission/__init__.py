"""The project exercise's archives: built by students, checked by instructors before anything of them is run."""

from deeprestore_lab.teaching.submission.building import Built, build
from deeprestore_lab.teaching.submission.confinement import Limits, Outcome
from deeprestore_lab.teaching.submission.inspection import check
from deeprestore_lab.teaching.submission.pdf import page_count
from deeprestore_lab.teaching.submission.refusals import Refusal, Refused
from deeprestore_lab.teaching.submission.report import write_report
from deeprestore_lab.teaching.submission.trial import Trial, try_out

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
