"""The package as others get it: what an import brings in, what a wheel holds."""

import configparser
import re
import zipfile

import pytest
from processes import ROOT, python

import eulerot

HEAVY = (
    "matplotlib", "ot", "torch", "jax", "scipy.stats", "scipy.integrate", "scipy.interpolate", "scipy.optimize",
    "scipy.spatial", "sphinx", "hypothesis", "finufft", "pandas",
)  # fmt: skip


def loaded_after(code):
    return python("-c", f"import sys; {code}; print([name for name in {HEAVY} if name in sys.modules])")[0].strip()


@pytest.mark.slow
def test_an_import_leaves_the_heavy_ones_out():
    assert loaded_after("import eulerot, eulerot.cli") == "[]"
    # the list would notice
    assert "'scipy.stats', 'scipy.integrate'" in loaded_after("import eulerot, scipy.stats")


def test_every_public_name_is_there_and_documented():
    for name in eulerot.__all__:
        assert getattr(eulerot, name).__doc__, name
    assert eulerot.FormatError.__mro__[1] is ValueError


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Return a wheel, built from the tree by its own build backend."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = tmp_path_factory.mktemp("tree")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        (tree / name).write_bytes((ROOT / name).read_bytes())
    for name in ("eulerot", "tests", "validation", "docs"):
        (tree / name).symlink_to(ROOT / name)
    python("-c", f"from setuptools import build_meta; build_meta.build_wheel({str(folder)!r})", cwd=tree)
    return next(folder.glob("*.whl"))


def test_a_wheel_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(name for name in names if name.endswith("/METADATA"))).decode()
    expected = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "eulerot").rglob("*")
        if path.suffix in (".py", ".npz", ".typed") and "__pycache__" not in path.parts
    }
    assert {name for name in names if ".dist-info/" not in name} == expected
    assert "eulerot/py.typed" in names and "eulerot/flows/weights/two_moons.npz" in names
    assert f"Version: {eulerot.__version__}\n" in metadata
    assert "License-File: LICENSE\n" in metadata and any(name.endswith("/LICENSE") for name in names)
    assert "Classifier: Typing :: Typed\n" in metadata and "Requires-Python: >=3.10" in metadata


def test_the_version_is_one_story():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changes = re.findall(r"^## \[?([^\]\s]+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert f"\nversion: {eulerot.__version__}\n" in citation
    assert f"version = {{{eulerot.__version__}}}" in (ROOT / "docs" / "citation.md").read_text(encoding="utf-8")
    assert eulerot.__version__ in changes[:2] and set(changes[:1]) <= {"Unreleased", eulerot.__version__}


def test_the_extra_of_all_holds_all_that_users_may_want():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    extras = settings["options.extras_require"]
    # the libraries of flows one has already; the others are for those who work on eulerot
    not_for_users = {"all", "flows", "test", "docs", "peers", "bench"}
    named = {name for line in re.findall(r"eulerot\[(.*?)\]", extras["all"]) for name in line.split(",")}
    assert named == set(extras) - not_for_users


def test_the_version_of_python_is_one_story():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    assert settings["options"]["python_requires"] == f">={settings['mypy']['python_version']}"
