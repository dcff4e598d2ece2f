"""An option keeps what was set, obeys its lock, and leaves the old value in place when it refuses."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postwright import enums, errors
from postwright.options import kinds
from postwright.options.option import Option, OptionSet, Store

exploring = settings(derandomize=True, max_examples=300, deadline=None)

PLACED: list[object] = []


class Garden(OptionSet):
    """A set with one option of each sort."""

    __slots__ = ()

    trees = Option("Trees", kinds.Integer(0, 9), 1, "How many trees.")
    gate = Option("Gate", kinds.PORT, 0, "Which gate.", lock=errors.LocalPortLocked, live=True)
    owner = Option("Owner", kinds.LINE, "", "Whose it is.", ambient=True)
    key = Option("Key", kinds.SECRET, "", "What opens it.")
    year = Option("Year", kinds.LINE, "", "When it was made.", read_only=True, compute=lambda: "1900")
    well = Option("Well", kinds.BOOLEAN, False, "Whether it has a well.", later="digging")
    ipv6 = Option(
        "IPv6",
        kinds.Enumeration(enums.UseIPv6),
        enums.UseIPv6.BOTH,
        "Which way.",
        later="cables",
        now=(enums.UseIPv6.IPV4_ONLY,),
    )
    hedge = Option(
        "Hedge",
        kinds.LINE,
        "",
        "What grows around it.",
        then=lambda store, value: PLACED.append((store, value)),
        rule=lambda value: "is no plant" if value == "stone" else "",
    )


class Annex(OptionSet):
    """Another set, which shares an option."""

    __slots__ = ()

    trees = Garden.trees


@pytest.fixture
def garden() -> Garden:
    return Garden(Store())


def test_unset_options_have_their_defaults(garden: Garden) -> None:
    assert (garden.trees, garden.gate, garden.owner, garden.year) == (1, 0, "", "1900")


def test_what_is_set_can_be_read(garden: Garden) -> None:
    garden.trees = 7
    assert garden.trees == 7
    assert garden._store.values == {"trees": 7}


def test_the_class_gives_the_option_itself() -> None:
    assert isinstance(Garden.trees, Option)
    assert Garden.trees.__doc__ == "How many trees."
    assert repr(Garden.trees) == "<Option Trees>"


@exploring
@given(st.text(st.sampled_from("a é€\t\n\r\0\x7f\x85\u2028\ud800"), max_size=4))
def test_the_quick_look_at_a_text_takes_what_its_kind_takes(text: str) -> None:
    for kind in (kinds.TEXT, kinds.LINE, kinds.LINES, kinds.PATH, kinds.SECRET):

        class Page(OptionSet):
            __slots__ = ()
            words = Option("Words", kind, "", "What it says.")

        page = Page(Store())
        try:
            checked = kind.check("Words", text)
        except errors.InvalidValue as error:
            with pytest.raises(type(error), match=re.escape(str(error))):
                page.words = text
            assert page._store.values == {}
        else:
            page.words = text
            assert page.words == checked


def test_a_refused_value_leaves_the_old_one(garden: Garden) -> None:
    garden.trees = 7
    with pytest.raises(errors.InvalidValue):
        garden.trees = 10
    assert garden.trees == 7


def test_a_rule_refuses_with_its_own_words_and_nothing_follows(garden: Garden) -> None:
    PLACED.clear()
    with pytest.raises(errors.InvalidValue, match="Hedge is no plant"):
        garden.hedge = "stone"
    assert (garden.hedge, PLACED) == ("", [])


def test_what_follows_comes_after_the_value(garden: Garden) -> None:
    PLACED.clear()
    garden.hedge = "yew"
    placed = list(PLACED)
    assert placed == [(garden._store, "yew")]


def test_a_lock_holds_only_while_connected(garden: Garden) -> None:
    garden.gate = 5
    garden._store.locked = True
    garden.trees = 2
    with pytest.raises(errors.LocalPortLocked):
        garden.gate = 5
    garden._store.locked = False
    garden.gate = 6
    assert garden.gate == 6


def test_the_live_value_comes_first(garden: Garden) -> None:
    garden.gate = 5
    asked: list[str] = []

    def live(key: str) -> Any:
        asked.append(key)
        return 40000

    garden._store.live = live
    assert (garden.gate, garden.trees) == (40000, 1)
    assert asked == ["gate"]


def test_without_a_live_value_the_set_one_is_shown(garden: Garden) -> None:
    garden.gate = 5
    garden._store.live = lambda _: None
    assert garden.gate == 5


def test_this_host_s_name_is_a_default(garden: Garden) -> None:
    garden._store.host_name = lambda: "here.example"
    assert garden.owner == "here.example"
    garden.owner = "there.example"
    assert garden.owner == "there.example"


def test_read_only_options_refuse(garden: Garden) -> None:
    with pytest.raises(errors.ReadOnly, match="Year"):
        garden.year = "2000"
    with pytest.raises(AttributeError):
        garden.year = "2000"


def test_what_comes_later_takes_only_the_default(garden: Garden) -> None:
    garden.well = False
    with pytest.raises(errors.NotAvailable, match=r"Well needs digging.*only False"):
        garden.well = True
    assert garden.well is False


def test_what_comes_later_in_part_names_what_works(garden: Garden) -> None:
    garden.ipv6 = 0
    with pytest.raises(errors.NotAvailable, match=r"2 \(BOTH\) or 0 \(IPV4_ONLY\)"):
        garden.ipv6 = 1
    assert garden.ipv6 is enums.UseIPv6.IPV4_ONLY


def test_a_bad_value_of_a_later_option_is_a_bad_value(garden: Garden) -> None:
    with pytest.raises(errors.InvalidValue):
        garden.ipv6 = 7


def test_two_sets_share_one_option_and_one_value() -> None:
    store = Store()
    Garden(store).trees = 4
    assert Annex(store).trees == 4


def test_one_option_has_one_name() -> None:
    with pytest.raises((TypeError, RuntimeError)):

        class Wrong(OptionSet):
            trees_by_another_name = Garden.trees


def test_reset_forgets_everything_that_was_set(garden: Garden) -> None:
    garden.trees = 4
    garden.key = "geheim"
    garden._store.reset()
    assert (garden.trees, garden.key) == (1, "")


def test_a_misspelled_attribute_is_an_error(garden: Garden) -> None:
    with pytest.raises(AttributeError):
        garden.treees = 4  # type: ignore[attr-defined]


def test_repr_shows_what_was_set_without_secrets(garden: Garden) -> None:
    garden.trees = 4
    garden.key = "geheim"
    assert repr(garden) == "Garden(trees=4, key=(hidden))"
    assert repr(garden._store) == "<Store with key, trees set>"
    assert repr(Store()) == "<Store with nothing set>"


def test_configuration_strings_go_through_the_same_door(garden: Garden) -> None:
    store = garden._store
    Garden.trees.parse(store, "3")
    assert (garden.trees, Garden.trees.show(store)) == (3, "3")
    store.locked = True
    with pytest.raises(errors.LocalPortLocked):
        Garden.gate.parse(store, "3")
    with pytest.raises(errors.ReadOnly):
        Garden.year.parse(store, "3")


def test_subclasses_have_the_options_of_their_bases() -> None:
    class Park(Garden):
        __slots__ = ()
        bench = Option("Bench", kinds.BOOLEAN, False, "Whether one can sit.")

    assert {*Garden._options, "bench"} == set(Park._options)
