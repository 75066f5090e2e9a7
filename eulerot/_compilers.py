"""Numba's compiler for functions that Python calls and for their parts, without what these have no use for.

Kernels are loops over numbers: nothing has to look for expressions of whole arrays in them. Parts are compiled as far
as those that they are inlined into need them, and no further: Numba optimises each function and turns it into machine
code of its own, and a part of a part of a part four times. The code of a part is optimised where it is inlined; what is
left out here takes most of the time, and loops that are turned into vector instructions twice are slower than those
that are so once.
"""

from __future__ import annotations

from typing import Any

import numba
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder, Flags
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.typed_passes import NopythonRewrites
from numba.core.untyped_passes import TranslateByteCode

__all__ = ["KERNEL_OPTIONS", "PART_OPTIONS"]


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


class _Flags(Flags):
    """Flags of the compiler, compared by those that are set: to list all takes a fifteenth of compiling."""

    __slots__ = ()

    def __hash__(self) -> int:
        return _HASH

    def __eq__(self, other: object) -> bool:
        return self._values == other._values if isinstance(other, _Flags) else super().__eq__(other)


_HASH = hash(Flags())  # of the names of all flags: one for all


class _KernelCompiler(CompilerBase):
    """Numba's compiler, without what takes long and does nothing for loops over numbers."""

    def __init__(
        self, typing: Any, target: Any, library: Any, args: Any, result: Any, flags: Flags, known: Any
    ) -> None:
        super().__init__(typing, target, library, args, result, _Flags(flags), known)

    def define_pipelines(self) -> list:
        """Return the only pipeline, in which nothing looks for sums and products of whole arrays."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [each for each in passes.passes if each[0] is not NopythonRewrites]
        passes.finalize()
        return [passes]


class _PartCompiler(_KernelCompiler):
    """The same, with the libraries of parts."""

    def define_pipelines(self) -> list:
        """Return the only pipeline."""
        (passes,) = super().define_pipelines()
        passes.add_pass_after(_IntoPartLibrary, TranslateByteCode)
        passes.finalize()
        return [passes]


# For functions that Python calls, and nothing written in C; to divide by zero is no error, and takes no code
KERNEL_OPTIONS: dict[str, Any] = {"nogil": True, "no_cfunc_wrapper": True, "error_model": "numpy"}
PART_OPTIONS: dict[str, Any] = {"forceinline": True, "error_model": "numpy"}
if numba.version_info >= (0, 62):  # earlier ones optimise by another interface: there parts are compiled like all else
    KERNEL_OPTIONS |= {"pipeline_class": _KernelCompiler}
    PART_OPTIONS |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "pipeline_class": _PartCompiler}
