"""Build the package, and install it in an environment of its own for each Python: what a user gets, from end to end.

    python validation/robustness/installs.py python3.10 python3.12 --extras all

builds the source distribution and, from it, the wheel (by the package ``build``, in an environment of its own), then
makes for each Python a fresh environment with the wheel alone, and in it, outside the source tree, runs the commands
below. The last Python gets the source distribution instead of the wheel. With ``--extras`` those are installed too.
Prints a row a Python; the exit code is 1 if any command failed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMANDS = (
    "eulerot --version",
    "eulerot demo --flow linear --pairs 600 --test-pairs 200 --modes 4 --no-pictures --quiet",
    "eulerot pairs pinwheel -n 600 -o pairs.csv",
    "eulerot fit pairs.csv -o map.npz --modes 4 --geodesics 1 --regularisation 1e-3 --quiet",
    "eulerot report pairs.csv --map map.npz --json",
    "eulerot solve problem.toml --quiet",
    "eulerot validate --only steady --quiet",
)
PROBLEM = 'points = [32, 32]\nvorticity = "cos(x) + cos(2*y)"\ntime = 1.0\n'


def run(words: list[str], folder: Path) -> str:
    """Run a command and return its output; raise the error that it printed."""
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}: {(done.stderr or done.stdout)[-500:]}")
    return done.stdout


def environment(python: str, folder: Path, *packages: str) -> Path:
    """Return the folder of the programs of a fresh environment with packages."""
    run([python, "-m", "venv", str(folder)], folder.parent)
    programs = folder / "bin"
    run([str(programs / "python"), "-m", "pip", "install", "--quiet", *packages], folder.parent)
    return programs


def built(folder: Path) -> tuple[Path, Path]:
    """Return the source distribution and the wheel that is built from it."""
    programs = environment(sys.executable, folder / "building", "build")
    run([str(programs / "python"), "-m", "build", "--outdir", str(folder / "dist"), str(ROOT)], folder)
    (source,), (wheel,) = ((folder / "dist").glob(pattern) for pattern in ("*.tar.gz", "*.whl"))
    return source, wheel


def tried(python: str, package: Path, extras: str, folder: Path) -> str:
    """Return the row of a Python: what was installed, how long the commands took."""
    folder.mkdir()
    programs = environment(python, folder / "environment", f"{package}[{extras}]" if extras else str(package))
    names = ["numpy", "scipy", "numba"]
    code = f"import sys, importlib.metadata as m; print(sys.version.split()[0], *map(m.version, {names}))"
    version, *others = run([str(programs / "python"), "-c", code], folder).split()
    (folder / "problem.toml").write_text(PROBLEM)
    begun = time.perf_counter()
    for command in COMMANDS:
        program, *words = command.split()
        run([str(programs / program), *words], folder)
    seconds = time.perf_counter() - begun
    return f"| {version} | {package.name} | {', '.join(others)} | all {len(COMMANDS)} commands, {seconds:.0f} s |"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pythons", nargs="+", metavar="PYTHON")
    parser.add_argument("--extras", default="")
    arguments = parser.parse_args()
    failed = False
    print("| Python | installed | NumPy, SciPy, Numba | result |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, wheel = built(folder)
        for number, python in enumerate(arguments.pythons):
            package = source if number == len(arguments.pythons) - 1 else wheel
            try:
                print(tried(python, package, arguments.extras, folder / str(number)), flush=True)
            except RuntimeError as error:
                failed = True
                print(f"| {python} | {package.name} | | {error} |", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
