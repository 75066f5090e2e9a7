"""Numba keeps compiled kernels by the file of their entry point alone: a folder for each state of all the kernels."""

import hashlib
import os
import tempfile
from pathlib import Path

KERNELS = sorted((Path(__file__).parents[1] / "eulerot").glob("**/_*.py"))
STATE = hashlib.sha256(b"".join(file.read_bytes() for file in KERNELS)).hexdigest()[:16]
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(tempfile.gettempdir()) / f"eulerot-numba-{STATE}"))
