"""Second opinions of external video-quality scorers, joined onto feature tables.

What a notebook needs stands in `api`, which is imported once something of it is asked for: to
import this package costs nothing. The stub beside this file names it for type checkers.
"""

import sys
from types import ModuleType


def _api() -> ModuleType:
    import second_opinion_assets.api as api  # noqa: PLC0415, PLR0402 (others do without)

    return api


class _Verb(ModuleType):
    """A folder of this package that has the name of a verb of the API: called, it is that verb."""

    @property
    def __wrapped__(self) -> object:
        """The verb, for who asks for its arguments."""
        return getattr(_api(), self.__name__.rpartition(".")[2])

    def __call__(self, *given: object, **named: object) -> object:
        """Do what the verb does."""
        verb = self.__wrapped__
        assert callable(verb)  # noqa: S101 (it is a function)
        return verb(*given, **named)


class _Package(ModuleType):
    """This package, which is its API as well."""

    def __getattr__(self, name: str) -> object:
        if name not in _api().__all__:
            msg = f"module {self.__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        return getattr(self if name in vars(self) else _api(), name)

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *_api().__all__})

    def __setattr__(self, name: str, value: object) -> None:
        """Keep a verb in reach: once the folder of its name is imported, that is what is found."""
        if name in {"agreement", "join"} and type(value) is ModuleType:
            value.__class__ = _Verb
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
