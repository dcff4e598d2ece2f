"""Values with named fields: equal by their fields, shown with them, and not to be changed.

The dataclasses module makes such classes too, but loading it, and each class that it makes, takes longer than the
rest of the package; and its frozen objects take four times as long to make as those with an ``__init__`` of their own.
"""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn, dataclass_transform


class Record:
    """A value whose fields are what its ``__init__`` takes."""

    __slots__ = ()
    __match_args__: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Note the names of the fields."""
        super().__init_subclass__(**kwargs)
        code = cls.__init__.__code__
        cls.__match_args__ = code.co_varnames[1 : code.co_argcount]  # type: ignore[misc]  # mypy thinks of literals

    def _values(self) -> tuple[Any, ...]:
        return tuple([getattr(self, name) for name in self.__match_args__])

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
        return f"{type(self).__name__}({fields})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Values travel between processes."""
        return type(self), self._values()


@dataclass_transform(frozen_default=True)
class Frozen(Record):
    """A value whose annotations are its fields; a field with a value in the class may be left out. It can't be changed.

    It costs nothing at import and a microsecond or two to make, so it is for what is made seldom.
    """

    __slots__ = ("__dict__",)
    _known: ClassVar[frozenset[str]] = frozenset()
    _needed: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Note the names of the fields."""
        super().__init_subclass__(**kwargs)
        cls.__match_args__ = tuple(vars(cls).get("__annotations__", ()))  # type: ignore[misc]
        cls._known = frozenset(cls.__match_args__)
        cls._needed = frozenset(name for name in cls.__match_args__ if name not in vars(cls))

    def __init__(self, *values: Any, **named: Any) -> None:
        if values:
            names = self.__match_args__
            if len(values) > len(names) or not named.keys().isdisjoint(names[: len(values)]):
                raise TypeError(f"{type(self).__name__}() takes {', '.join(names)}, each once")
            named.update(zip(names, values, strict=False))
        if not self._needed <= named.keys() <= self._known:
            raise TypeError(f"{type(self).__name__}() takes {', '.join(self.__match_args__)}, not {', '.join(named)}")
        self.__dict__.update(named)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{name} of {type(self).__name__} can't be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{name} of {type(self).__name__} can't be changed")
