"""How parts of compiled functions are compiled: as far as those that they are inlined into need them, and no further.

Numba optimises each function and turns it into machine code of its own, and a part of a part of a part four times. The
code of a part is optimised where it is inlined; what is left out here takes most of the time, and loops that are turned
into vector instructions twice are slower than those that are so once.
"""

from __future__ import annotations

from typing import Any

import numba
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.untyped_passes import TranslateByteCode

__all__ = ["PART_OPTIONS"]


class _PartLibrary(JITCodeLibrary):
    """The code of a part, for linking only."""

    def _optimize_final_module(self) -> None:
        manager, builder = self._codegen._module_pass_manager(
            loop_vectorize=self._codegen._loopvect, slp_vectorize=False, opt=self._codegen._opt_level, cost="cheap"
        )
        manager.run(self._final_module, builder)

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Return zero: there is no machine code."""
        self._ensure_finalized()
        return 0

    @property
    def codegen(self) -> _NoEnvironments:
        """The code generator, which is told of no environment: only functions that Python calls have one."""
        return _NoEnvironments(self._codegen)


class _NoEnvironments:
    """A code generator, but for the environments of functions."""

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)

    def set_env(self, name: str, environment: object) -> None:
        """Do nothing."""


@register_pass(mutates_CFG=False, analysis_only=False)
class _IntoPartLibrary(FunctionPass):
    """Make the library that the code of a part goes to."""

    _name = "into_part_library"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Set the library, before the pass that would make an ordinary one."""
        state.library = _PartLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        return False


class _PartCompiler(CompilerBase):
    """Numba's compiler, with the libraries of parts."""

    def define_pipelines(self) -> list:
        """Return the only pipeline."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(_IntoPartLibrary, TranslateByteCode)
        passes.finalize()
        return [passes]


PART_OPTIONS: dict[str, Any] = {"forceinline": True, "error_model": "numpy"}
if numba.version_info >= (0, 62):  # earlier ones optimise by another interface: there parts are compiled like all else
    PART_OPTIONS |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "pipeline_class": _PartCompiler}
