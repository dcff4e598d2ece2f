"""Messages into the queue, as flows. Once, for both clients."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from postwright.component import letters, writing
from postwright.component.operations import with_open_body
from postwright.drive.crew import Items, side_by_side
from postwright.errors import Interrupted, OperationTimeout, SMTPError
from postwright.flow import Finish
from postwright.session.delivery import pull
from postwright.spool.writer import BATCH, Writer, put_all, put_one, whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postwright.component.wishes import Wishes
    from postwright.message.draft import Draft
    from postwright.options.plan import Plan
    from postwright.spool.record import Letter
    from postwright.words import Envelope


async def put(plan: Plan, path: str, envelope: Envelope, draft: Draft, wishes: Wishes) -> str:
    """Put a message into a queue and return the file's name; for "*" return the file's content."""
    message = letters.at_hand(draft)
    letter = letters.written(plan, envelope, draft, wishes, message)
    if message is None:
        return await with_open_body(draft.body, _read(path, letter, draft))
    data = whole(letter, message)
    if path == "*":
        return _text(data)
    name: str = await Finish(put_one, path, letter.id, data)
    return name


async def _read(path: str, letter: Letter, draft: Draft) -> str:
    if path != "*":
        return await _spool(path, letter, draft)
    message = b"".join([draft.headers, *[part async for part in letters.parts(draft.body, pull)]])
    letter = letter.sized(len(message), eight_bit=bool(draft.body.eight_bit))
    return _text(whole(letter, message))


async def _spool(path: str, letter: Letter, draft: Draft) -> str:
    writer = Writer(path, letter)
    try:
        await Finish(writer.work, writer.begin, draft.headers)
        async for part in letters.parts(draft.body, pull):
            await Finish(writer.work, writer.add, part)
        name: str = await Finish(writer.work, writer.finish, bool(draft.body.eight_bit))
    finally:
        writer.close()
    return name


async def put_many(
    plan: Plan, path: str, messages: Iterable[Any], host_name: str, wishes: Wishes
) -> list[str | SMTPError]:
    """Put finished messages into a queue; return the name, or the error, of each.

    What ends the method early, while a file is read, is the error of all that were not queued by then. Where the iterable
    raises, what it gave before is queued first.
    """
    answers: list[str | SMTPError] = []
    waiting: list[tuple[str, bytes]] = []
    places: list[int] = []
    end: SMTPError | None = None
    given = Items(iter(messages), partial(_adopted, plan, host_name))
    for message in given:
        if end is not None:
            answers.append(end)
            continue
        try:
            if isinstance(message, SMTPError):
                raise message
            envelope, draft = message
            content = letters.at_hand(draft)
            letter = letters.written(plan, envelope, draft, wishes, content)
            if content is None:
                await _flush(path, waiting, places, answers)
                answers.append(await with_open_body(draft.body, _spool(path, letter, draft)))
                continue
            data = whole(letter, content)
        except SMTPError as error:
            answers.append(error)
            if isinstance(error, (Interrupted, OperationTimeout)):
                end = error
            continue
        waiting.append((letter.id, data))
        places.append(len(answers))
        answers.append("")
        if len(waiting) == BATCH:
            await _flush(path, waiting, places, answers)
    await _flush(path, waiting, places, answers)
    given.check()
    return answers


def _adopted(plan: Plan, host_name: str, message: Any) -> tuple[Envelope, Draft] | SMTPError:
    try:
        return writing.adopted(plan, host_name, message)
    except SMTPError as error:
        return error


async def _flush(
    path: str, waiting: list[tuple[str, bytes]], places: list[int], answers: list[str | SMTPError]
) -> None:
    for place, answer in zip(places, await Finish(put_all, path, list(waiting), side_by_side), strict=True):
        answers[place] = answer
    waiting.clear()
    places.clear()


def _text(file: bytes) -> str:
    return file.decode("utf-8", "surrogateescape")
