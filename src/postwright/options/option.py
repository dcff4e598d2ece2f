"""The descriptor behind every property and setting, and the store that holds their values.

One ``Option`` is the only place where an option is described: its attribute, ``config()``, the constructor keyword and
the reference documentation all come from it. A property and the setting of the same name are one Option object in two
classes, so they share one value.

Nothing here talks to the world: what is known only while connected comes from ``Store.live``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, TypeVar, overload

from postwright import errors
from postwright.options.kinds import Text

if TYPE_CHECKING:
    from collections.abc import Callable

    from postwright.options.kinds import Kind

T = TypeVar("T")
S = TypeVar("S")


def _nothing(_: str) -> Any:
    return None


def _nameless() -> str:
    return ""


class Store:
    """The values of one object's options.

    Attributes:
        values: What was set, by the option's key (its Python name).
        live: Asked for the value of a live option by its key; None means that there is none now.
        host_name: Asked for the name of this host, the default of LocalHost and Hello.
        locked: True while connected: options with a lock refuse to be set.
        frozen: True in a plan: every option refuses to be set.
    """

    __slots__ = ("frozen", "host_name", "live", "locked", "values")

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.live: Callable[[str], Any] = _nothing
        self.host_name: Callable[[], str] = _nameless
        self.locked = False
        self.frozen = False

    def reset(self) -> None:
        """Set every option to its default."""
        self.values.clear()

    def __reduce__(self) -> NoReturn:
        raise TypeError("options may hold secrets, so they can't be pickled or copied")

    def __repr__(self) -> str:
        return f"<Store with {', '.join(sorted(self.values)) or 'nothing'} set>"


class OptionSet:
    """An object whose attributes are options; ``_store`` has their values."""

    __slots__ = ("_store",)
    _options: ClassVar[dict[str, Option[Any, Any]]] = {}

    def __init__(self, store: Store) -> None:
        self._store = store

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Collect the options of the class and its bases, by key."""
        super().__init_subclass__(**kwargs)
        cls._options = {}
        for base in reversed(cls.__mro__):
            cls._options.update((k, v) for k, v in vars(base).items() if isinstance(v, Option))

    def __repr__(self) -> str:
        values = self._store.values
        shown = (f"{key}={o.kind.quote(values[key])}" for key, o in self._options.items() if key in values)
        return f"{type(self).__name__}({', '.join(shown)})"


class Option(Generic[T, S]):
    """One property or setting: T is what reading gives, S what may be assigned.

    Args:
        name: The reference's name.
        kind: What it takes and how it is shown.
        default: Its value when nothing was set.
        doc: One line of documentation.
        key: Its Python name, for rows that are no attribute of an OptionSet.
        lock: The error of setting it while connected.
        live: Whether ``Store.live`` is asked for the value first.
        ambient: Whether ``Store.host_name`` gives the default.
        compute: Gives the value of a read-only option that is neither set nor live.
        read_only: Whether it can't be set.
        write_only: Whether it can only be set.
        indexed: Whether it is a sequence of such values.
        then: Called with the store and the new value once it is set.
        rule: Says what is wrong with a value that the kind allows; "" when nothing is.
        later: What this version can't do yet, such as "proxies": only the default, and ``now``, can be set.
        now: The other values that can be set although ``later`` is given.
        differs: Why the default is not the reference's.
    """

    key: str

    def __init__(
        self,
        name: str,
        kind: Kind[T, S],
        default: T,
        doc: str,
        *,
        key: str = "",
        lock: type[errors.UsageError] | None = None,
        live: bool = False,
        ambient: bool = False,
        compute: Callable[[], T] | None = None,
        read_only: bool = False,
        write_only: bool = False,
        indexed: bool = False,
        then: Callable[[Store, T], None] | None = None,
        rule: Callable[[T], str] | None = None,
        later: str = "",
        now: tuple[T, ...] = (),
        differs: str = "",
    ) -> None:
        self.name = name
        self.kind = kind
        self.default = default
        self.__doc__ = doc
        self.doc = doc
        self.key = key
        self.lock = lock
        self.live = live
        self.ambient = ambient
        self.compute = compute
        self.read_only = read_only
        self.write_only = write_only
        self.indexed = indexed
        self.then = then
        self.rule = rule
        self.later = later
        self.now = now
        self.differs = differs
        self._plain = not (live or ambient or compute)
        self._free = not (read_only or lock or rule or later or then)
        self._text = self._free and type(kind) is Text

    def __set_name__(self, owner: type[OptionSet], name: str) -> None:
        # A property and the setting of the same name share one Option, so they must have one key.
        if self.key not in ("", name):
            raise TypeError(f"{owner.__name__}.{name} is {self.name}, which is called {self.key}")
        self.key = name

    @overload
    def __get__(self, owner: None, of: type[Any]) -> Option[T, S]: ...
    @overload
    def __get__(self, owner: OptionSet, of: type[Any]) -> T: ...
    def __get__(self, owner: OptionSet | None, of: type[Any]) -> Option[T, S] | T:
        if owner is None:
            return self
        if self._plain:
            value: T = owner._store.values.get(self.key, self.default)
            return value
        return self.read(owner._store)

    def __set__(self, owner: OptionSet, value: S | Any) -> None:
        store = owner._store
        if store.frozen:
            self.write(store, value)
        elif self._text and type(value) is str and value.isascii() and value.isprintable():
            store.values[self.key] = value  # any kind of text takes that
        elif self._free:
            store.values[self.key] = self.kind.check(self.name, value)
        else:
            self.write(store, value)

    def read(self, store: Store) -> T:
        """Return the live value, else what was set, else the default."""
        value: T
        if self._plain:
            value = store.values.get(self.key, self.default)
            return value
        if self.compute is not None:
            return self.compute()
        if self.live and (now := store.live(self.key)) is not None:
            value = now
            return value
        value = store.values.get(self.key, self.default)
        if self.ambient and not value:
            value = self.kind.check(self.name, store.host_name())
        return value

    def write(self, store: Store, value: object) -> None:
        """Set the value; a value that is refused leaves the old one in place."""
        self._permit(store)
        self._keep(store, self.kind.check(self.name, value))

    def parse(self, store: Store, text: str) -> None:
        """Set the value that a configuration string means."""
        self._permit(store)
        self._keep(store, self.kind.parse(self.name, text))

    def show(self, store: Store) -> str:
        """Return the value as a configuration string."""
        return self.kind.show(self.read(store))

    def _permit(self, store: Store) -> None:
        if self.read_only:
            raise errors.ReadOnly(self.name)
        if store.frozen:
            raise errors.ReadOnly(f"{self.name} belongs to the plan of an operation")
        if self.lock is not None and store.locked:
            raise self.lock

    def _keep(self, store: Store, value: T) -> None:
        if self.rule is not None and (wrong := self.rule(value)):
            raise errors.InvalidValue(f"{self.name} {wrong}")
        if self.later and value != self.default and value not in self.now:
            raise errors.NotAvailable(
                f"{self.name} needs {self.later}, which this version can't do yet; it takes only "
                + " or ".join(self._word(word) for word in (self.default, *self.now))
            )
        store.values[self.key] = value
        if self.then is not None:
            self.then(store, value)

    def _word(self, value: T) -> str:
        """Return a value for a message or a table of documentation, as one would write it in Python."""
        name = getattr(value, "name", None)
        if isinstance(name, str) and isinstance(value, int):
            return f"{int(value)} ({name})"
        return self.kind.show(value) if isinstance(value, int) and not isinstance(value, bool) else repr(value)

    @property
    def shown_default(self) -> str:
        """The default, for the documentation."""
        return self._word(self.default)

    def __repr__(self) -> str:
        return f"<Option {self.name}>"
