"""Docstrings of all public names, by the rules of numpydoc; their examples run with the tests, as doctests."""

import importlib
import inspect
import re

import pytest
from processes import ROOT

import eulerot
from eulerot._cached import kept

validation = pytest.importorskip("numpydoc.validate")
get_doc_object = pytest.importorskip("numpydoc.docscrape").get_doc_object

# The checks that are left out, and why
EVERYWHERE = {"ES01"}  # one sentence may be all that there is to say
MEMBERS = {
    # a method or an attribute whose first line says what it takes and returns needs no sections for it, and the class
    # has the examples and the references
    "EX01", "SA01", "PR01", "RT01", "YD01",
}  # fmt: skip
RESULTS = {"PR01"}  # classes that nobody makes describe their attributes, in the section of this name
PROTOCOLS = {"PR01"}  # nobody calls a protocol
# the options that it passes on to fit are in the signature, but described in fit alone
OWN = {"eulerot.rearrange": {"PR01", "PR02"}}

API = (ROOT / "docs" / "api.rst").read_text(encoding="utf-8")
LISTED = {f"eulerot.{name}" for name in re.findall(r"^   ([A-Za-z_.]+)$", API, re.MULTILINE)}
EXPORTED = {f"eulerot.{name}" for name in eulerot.__all__ if name not in ("zoo", "__version__")}


def found(name):
    """Return the object of a name; a function hides the module from which it comes."""
    parent, _, last = name.rpartition(".")
    try:
        return getattr(importlib.import_module(parent), last)
    except ImportError:
        return getattr(found(parent), last)


def members(cls):
    """Yield the names and the public methods and attributes that a class defines itself."""
    for name, member in vars(cls).items():
        kinds = property | classmethod | staticmethod | kept
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, kinds)):
            yield name, member


def complaints(obj, name, left_out):
    """Return what numpydoc says of a docstring, but for the checks that are left out."""
    errors = validation.validate(get_doc_object(obj))["errors"]
    return [f"{name}: {code} {words}" for code, words in errors if code not in EVERYWHERE | left_out]


def test_the_pages_of_the_documentation_list_all_public_names():
    assert EXPORTED <= LISTED


@pytest.mark.parametrize("name", sorted(LISTED))
def test_docstrings_follow_numpydoc(name):
    obj = found(name)
    left_out = set(OWN.get(name, ()))
    if inspect.isclass(obj):
        left_out |= RESULTS if "Attributes\n" in (obj.__doc__ or "") else set()
        left_out |= PROTOCOLS if getattr(obj, "_is_protocol", False) else set()
    errors = complaints(obj, name, left_out)
    if inspect.isclass(obj):
        for member, each in members(obj):
            inner = each.__func__ if isinstance(each, classmethod | staticmethod) else each
            errors += complaints(inner, f"{name}.{member}", MEMBERS)
    assert not errors, "\n".join(errors)


def test_see_also_names_what_there_is():
    named = 0
    for name in LISTED:
        section = (inspect.getdoc(found(name)) or "").partition("See Also\n--------\n")[2].split("\n\n")[0]
        others = re.findall(r"^(\S+) : ", section, re.MULTILINE)
        assert others and name not in others, name
        assert LISTED.issuperset(others), set(others) - LISTED
        named += len(others)
    assert named > len(LISTED)


def test_the_rules_find_faults():
    def bad(x):
        """no capital, no full stop"""

    assert {error.split()[1] for error in complaints(bad, "bad", set())} >= {"SS02", "SS03", "PR01", "SA01"}
