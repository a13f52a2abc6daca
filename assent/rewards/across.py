"""Values that cross between the answer's process and the tests': as copies, or as remotes.

Numbers, text, bytes, dates and lists, tuples, sets and dicts of them cross as copies. Other objects stay
where they are, and the other side holds a `Remote`: attributes, calls, `len`, `in`, `[]`, `str`, iteration
and `with` go over. Two remotes are compared over there; a remote never equals a plain value, and has no
arithmetic: an object that says yes to everything must not pass for 4.
"""

import builtins
import datetime
import json
import socket
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

LONGEST_MESSAGE_BYTES = 8 * 2**20
ASK_TESTS = ("__call__", "__len__", "__getitem__", "__contains__", "__iter__", "__next__", "__bool__")
ASK_ANSWER = (*ASK_TESTS, "__setitem__", "__delitem__", "__enter__", "__exit__", "__str__", "__repr__")

SCALARS = (type(None), bool, int, float, str)
CONTAINERS = {kind.__name__: kind for kind in (list, tuple, set, frozenset, deque)}
MAPPINGS = {kind.__name__: kind for kind in (dict, OrderedDict, Counter)}
OTHERS: dict[type, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {  # to JSON, and back
    bytes: (bytes.hex, bytes.fromhex),
    bytearray: (bytearray.hex, bytearray.fromhex),
    complex: (lambda value: [value.real, value.imag], lambda parts: complex(*parts)),
    range: (lambda value: [value.start, value.stop, value.step], lambda parts: range(*parts)),
    Decimal: (str, Decimal),
    Fraction: (str, Fraction),
    datetime.date: (datetime.date.isoformat, datetime.date.fromisoformat),
    datetime.datetime: (datetime.datetime.isoformat, datetime.datetime.fromisoformat),
    datetime.time: (datetime.time.isoformat, datetime.time.fromisoformat),
    datetime.timedelta: (
        lambda value: [value.days, value.seconds, value.microseconds],
        lambda parts: datetime.timedelta(*parts),
    ),
}
OTHERS_BY_NAME = {kind.__name__: back for kind, (_, back) in OTHERS.items()}


class Gone(BaseException):
    """The other process ended or talked nonsense; no `except Exception` in a test hides it."""


class Remote:
    """An object of the other process."""

    def __init__(self, side: "Side", number: int):
        self.__dict__.update(_side=side, _number=number)

    def __getattr__(self, name: str) -> Any:
        return self._side.ask("getattr", self._number, (name,))

    def __setattr__(self, name: str, value: Any) -> None:
        self._side.ask("setattr", self._number, (name, value))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Remote) and bool(self._side.ask("__eq__", self._number, (other,)))

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, Remote) and bool(
            self._side.ask("__instancecheck__", self._number, (instance,))
        )

    __hash__ = object.__hash__


def _forwarded(operation: str) -> Callable[..., Any]:
    def over_there(self: Remote, *arguments: Any, **named: Any) -> Any:
        return self._side.ask(operation, self._number, arguments, named)

    return over_there


for _operation in ASK_ANSWER:
    setattr(Remote, _operation, _forwarded(_operation))


class Side:
    """One end of the line. Each side may ask while it is asked, so tests may hand functions over.

    Args:
        allowed: what the other side may do with this side's objects. The answer may only use what a test
            hands it, and never look inside: from `function.__globals__` it is one step to the verdict.
    """

    def __init__(self, line: socket.socket, allowed: tuple[str, ...]):
        self.reading, self.writing = line.makefile("rb"), line.makefile("wb")
        self.allowed = allowed
        self.objects: dict[int, Any] = {}  # that the other side holds a remote of

    def ask(
        self, operation: str, number: int, arguments: tuple[Any, ...], named: dict[str, Any] | None = None
    ) -> Any:
        """Do an operation over there; give its value, or raise what it raised."""
        sent = [self.packed(value) for value in arguments]
        names = {name: self.packed(value) for name, value in (named or {}).items()}
        self.send({"ask": operation, "of": number, "arguments": sent, "named": names})
        message = self.receive()
        while "ask" in message:
            self._answer(message)
            message = self.receive()
        for given, became in zip(arguments, message.get("arguments", ()), strict=False):
            _become(given, became, self)
        if "raised" in message:
            raise _error_of(message["raised"], message.get("text", ""))
        return self.unpacked(message.get("value"))

    def serve(self) -> None:
        """Answer until the other side hangs up."""
        while True:
            self._answer(self.receive())

    def _answer(self, message: dict[str, Any]) -> None:
        arguments: tuple[Any, ...] = ()
        try:
            if message["ask"] not in self.allowed:
                raise TypeError(f"{message['ask']} does not go over")
            arguments = tuple(self.unpacked(value) for value in message["arguments"])
            named = {name: self.unpacked(value) for name, value in message["named"].items()}
            value = _done(self.objects[message["of"]], message["ask"], arguments, named)
            reply = {"value": self.packed(value)}
        except Exception as error:  # noqa: BLE001 - whatever is raised here is told to the other side
            names = [kind.__name__ for kind in type(error).__mro__]
            reply = {"raised": names, "text": str(error)[:1000]}
        self.send({**reply, "arguments": [self.packed(value) for value in arguments]})

    def packed(self, value: Any) -> Any:
        """A value as JSON; by exact type, so that a subclass with ideas of its own stays an object."""
        kind = type(value)
        if kind in SCALARS:
            return value
        if kind in OTHERS:
            return {kind.__name__: OTHERS[kind][0](value)}
        if kind in CONTAINERS.values():
            return {kind.__name__: [self.packed(inner) for inner in value]}
        if kind in MAPPINGS.values() or kind is defaultdict:
            pairs = [[self.packed(key), self.packed(inner)] for key, inner in value.items()]
            return {"dict" if kind is defaultdict else kind.__name__: pairs}
        if kind is Remote:
            return {"yours": value.__dict__["_number"]}
        self.objects[id(value)] = value  # kept, so the number stays its own
        return {"mine": id(value)}

    def unpacked(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        [(kind, inner)] = value.items()
        if kind in OTHERS_BY_NAME:
            return OTHERS_BY_NAME[kind](inner)
        if kind in CONTAINERS:
            return CONTAINERS[kind](self.unpacked(each) for each in inner)
        if kind in MAPPINGS:
            return MAPPINGS[kind]({self.unpacked(key): self.unpacked(each) for key, each in inner})
        return self.objects[inner] if kind == "yours" else Remote(self, inner)

    def send(self, message: dict[str, Any]) -> None:
        try:
            self.writing.write(json.dumps(message).encode() + b"\n")
            self.writing.flush()
        except OSError as error:
            raise Gone(str(error)) from None

    def receive(self) -> dict[str, Any]:
        try:
            line = self.reading.readline(LONGEST_MESSAGE_BYTES)
            message = json.loads(line)
        except (OSError, ValueError, RecursionError) as error:  # ended, cut off, or no JSON
            raise Gone(str(error)) from None
        if not isinstance(message, dict):
            raise Gone("no message")
        return message


def _done(owner: Any, operation: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    if operation in ("getattr", "setattr"):
        return getattr(builtins, operation)(owner, *arguments)
    if operation == "__call__":
        return owner(*arguments, **named)
    if operation == "__iter__":
        return Iterated(iter(owner))
    if operation == "__bool__":
        return bool(owner)
    if operation == "__instancecheck__":
        return isinstance(arguments[0], owner)
    method = getattr(type(owner), operation, None)
    if method is None:  # a TypeError, as Python itself says: `list(x)` asks for a length, and lives without
        raise TypeError(f"{type(owner).__name__} has no {operation}")
    return method(owner, *arguments)


class Iterated:
    """An iterator that is nothing else: `iter` gives one of many types."""

    def __init__(self, inner: Iterator[Any]):
        self.inner = inner

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self.inner)


def _become(given: Any, packed: Any, side: Side) -> None:
    """Do to a test's own list, set or dict what was done to its copy."""
    if type(given) not in (list, bytearray, set, dict):
        return
    became = side.unpacked(packed)
    if type(given) is not type(became):
        return
    if isinstance(given, list | bytearray):
        given[:] = became
    else:
        given.clear()
        given.update(became)


def _error_of(names: list[str], text: str) -> Exception:
    """The nearest of Python's own exceptions, so that `except ValueError` in a test means what it says."""
    for name in names:
        kind = getattr(builtins, str(name), None)
        if isinstance(kind, type) and issubclass(kind, Exception):
            try:
                return kind(text)
            except TypeError:  # UnicodeDecodeError wants five arguments
                continue
    return Exception(text)
