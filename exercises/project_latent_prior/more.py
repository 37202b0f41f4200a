"""Numbers of your own, which the report's text tells of: yours to fill."""

from data import Digits


def numbers(data: Digits, models: dict) -> dict:
    """What JSON can hold: `results.more` in `report.typ`.

    models: "naive" and "mended", as far as they are there. Trials that step 1
    asks for, pictures that deceive your hole rate, how T was chosen.
    """
    return {}
