"""What the exercises' notebooks print and draw once they are solved, for their pages.

    python -m scripts.book.solved TARGET SOURCE ...

All sources run in one process, in about twenty CPU seconds. The build starts it and keeps what it gave in `TARGET`, a
file an exercise, named by the exercise and by what its source holds.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from scripts.book.places import Places


def place_of(target: Path, source: Path) -> Path:
    """The file that holds what a source shows."""
    return target / f"{source.stem}-{hashlib.sha256(source.read_bytes()).hexdigest()[:12]}.json"


def solve_exercises(places: Places, *, environment: dict[str, str]) -> Path:
    """Run every exercise whose outputs are not kept; the folder of the outputs. Ends the build where one fails."""
    target = places.executed / "solved"
    sources = sorted((places.root / "exercises" / "source").glob("*/*.ipynb"))
    missing = [source for source in sources if not place_of(target, source).is_file()]
    if missing:
        command = [sys.executable, "-m", "scripts.book.solved", str(target), *map(str, missing)]
        if subprocess.run(command, env=environment, cwd=places.root).returncode:
            raise SystemExit("the book was not built: an exercise does not run with its solutions, see above")
    return target


def main(arguments: list[str]) -> None:
    """Run the sources and write what they show."""
    from deeprestore_lab.core.writing import write_whole
    from deeprestore_lab.teaching.exercises.shown import solved_outputs
    from deeprestore_lab.teaching.exercises.source import read_source

    target, sources = Path(arguments[0]), [Path(argument) for argument in arguments[1:]]
    target.mkdir(parents=True, exist_ok=True)
    for source in sources:
        found = solved_outputs(read_source(source), folder=source.parent)
        write_whole(place_of(target, source), json.dumps(found, indent=1, ensure_ascii=False).encode())
        print(f"{source.stem}: {len(found)} cells of the solved notebook show something", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
