"""How a verdict is shown: complete as text, quiet and safe as HTML, and as a bare number where nbgrader reads it."""

from __future__ import annotations

import base64
import html.parser
import math
import re
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sample import one_probe, records, seen, verdict_on

from autograder.exercise import Case
from autograder.golden import Recorded
from autograder.observation import Dots, ErrorSeen, Observation, OtherSeen, TextSeen
from autograder.student.card import Card, ProgressTable, card_html
from autograder.student.picture import picture_html
from autograder.verdict import Verdict, could_not_check, judge

T = torch.tensor
WRONG = verdict_on(T([[1.0, 2.0], [3.0, 4.0]]), T([[1.0, 2.0], [3.0, 5.0]]))
PASSED = verdict_on(T([1.0]), T([1.0]))


class Reader(html.parser.HTMLParser):
    """Collects tags, attributes and text, and insists that every tag is closed where it was opened."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in ("br", "img"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


class TestText:
    def test_it_is_complete_by_itself(self):
        assert str(WRONG) == (
            "f · not yet: the values differ · 0 of 1 points\n"
            "  checked:      What f gives. It fails on the only case.\n"
            "  expected:     [[1, 2], [3, 4]]\n"
            "  got:          [[1, 2], [3, 5]]; 3 of 4 values are right\n"
            "  likely cause: The rule is right in part: look at what the wrong elements have in common.\n"
            "  next step:    First rung.\n"
            '  more:         check("f", hint=2) shows the next of 3 hints'
        )

    def test_a_pass_tells_why_and_what_to_try(self):
        assert str(PASSED) == (
            "f · passed · 1 of 1 points\n"
            "  checked:      What f gives. Cases: the only case.\n"
            "  why:          Because.\n"
            "  try next:     Another."
        )

    def test_long_lines_are_wrapped_under_their_text(self):
        lines = str(replace(WRONG, cause="word " * 60)).splitlines()
        assert max(map(len, lines)) <= 100
        assert any(line.startswith(" " * 16 + "word") for line in lines)

    def test_the_cases_before_the_first_that_fails_are_counted(self):
        cases = [Case(f"case {n}") for n in range(3)]
        recorded = Recorded(cases, [seen(1), seen(2), seen(3)], [], [])
        second = judge(one_probe(), recorded, [seen(1), seen(9), seen(3)])
        third = judge(one_probe(), recorded, [seen(1), seen(2), seen(9)])
        assert second.checked == "What f gives. It fails on case 1; the case before it passed."
        assert third.checked == "What f gives. It fails on case 2; the 2 cases before it passed."

    def test_the_value_that_differs_is_named(self):
        assert "It fails in `dw`, on the only case." in verdict_on((1.0, 2.0), (1.0, 3.0), returns=("loss", "dw")).checked
        assert "It fails in item [1], on the only case." in verdict_on((1.0, 2.0), (1.0, 3.0)).checked

    @pytest.mark.parametrize(
        ("got", "title"),
        [
            (..., "not started"),
            (Observation(ErrorSeen("E", "m")), "not yet: an error was raised"),
            (None, "not yet: another kind of result"),
            (T([1.0]), "not yet: the shape differs"),
            (T([1, 2]), "not yet: the dtype differs"),
            (torch.ones(2, device="meta"), "not yet: the device differs"),
            (T([1.0, 3.0]), "not yet: the values differ"),
            (Observation(seen(T([1.0, 2.0])).value, ("x",)), "not yet: what happens to the inputs differs"),
        ],
    )
    def test_the_title_says_the_layer_in_words(self, got, title):
        recorded = Recorded([Case("one")], [seen(T([1.0, 2.0]))], [], [])
        verdict = judge(one_probe(), recorded, [got if isinstance(got, Observation) else seen(got)])
        assert verdict.title == title
        assert verdict.next_step
        assert verdict.got
        assert title == "not started" or verdict.cause

    def test_what_no_comparison_was_possible_for_is_told_as_that(self):
        assert could_not_check(one_probe(), "No answer.").title == "could not be checked"
        assert judge(one_probe(), Recorded([], [], [], []), []).title == "could not be checked"
        short = judge(one_probe(), Recorded([Case("a"), Case("b")], [seen(1), seen(2)], [], []), [seen(1)])
        assert (short.title, short.got) == ("could not be checked", "1 of 2 cases were run.")


class TestHints:
    @pytest.mark.parametrize(
        ("asked", "labels", "left"),
        [(1, [], 2), (2, ["hint 2"], 1), (3, ["hint 2", "hint 3"], 0), (9, ["hint 2", "hint 3", "hints"], 0)],
    )
    def test_each_rung_is_shown_on_asking(self, asked, labels, left):
        verdict = replace(WRONG, asked=asked)
        rows = dict(verdict.rows())
        assert [label for label in rows if label.startswith("hint")] == labels
        assert verdict.hints_left == left
        assert rows["next step"] == "First rung."
        assert rows.get("hint 2", "Second rung.") == "Second rung."
        assert rows.get("hints", "There are no more than 3.") == "There are no more than 3."

    def test_the_card_tells_how_to_get_the_next_one(self):
        assert 'Stuck? check("f", hint=2) in a new cell shows the next hint (2 more).' in Reader(card_html(WRONG)).text
        later = Reader(card_html(replace(WRONG, asked=2))).text
        assert 'check("f", hint=3) in a new cell shows the next hint (the last one)' in later
        assert "Stuck?" not in card_html(replace(WRONG, asked=3))
        assert "Stuck?" not in card_html(PASSED)


class TestNotStarted:
    STUB = Recorded([Case("one")], [seen(T([1.0]))], [Observation(Dots(), trivial=True)], [])

    def test_dots_an_empty_body_and_a_missing_name_are_not_started(self):
        for value in (Dots(), seen(None).value):
            verdict = judge(one_probe(), self.STUB, [Observation(value, trivial=True)])
            assert (verdict.title, verdict.got) == ("not started", "The body is still empty, or holds the dots.")
        missing = judge(one_probe(), self.STUB, [Observation(Dots("f"))])
        assert missing.got.startswith("There is no `f`: its cell has not been run")

    def test_a_forgotten_return_is_not_taken_for_it(self):
        verdict = judge(one_probe(), self.STUB, [seen(None)])
        assert (verdict.layer, verdict.got) == ("structure", "None")
        assert "`return`" in verdict.cause

    def test_a_stub_over_which_the_probe_stumbles_is_not_started(self):
        stumble = Observation(ErrorSeen("TypeError", "cannot unpack non-iterable ellipsis object"), trivial=True)
        recorded = replace(self.STUB, stub=[stumble])
        none = Observation(ErrorSeen("TypeError", "cannot unpack non-iterable NoneType object"), trivial=True)
        assert judge(one_probe(), recorded, [none]).title == "not started"
        assert judge(one_probe(), recorded, [replace(none, trivial=False)]).title == "not yet: an error was raised"

    def test_dots_left_in_an_answer_are_not_started_either(self):
        recorded = Recorded([Case("one")], [seen((1.0, 2.0))], [], [])
        assert judge(one_probe(), recorded, [seen((1.0, ...))]).title == "not started"


strange = st.text(st.sampled_from("<>&\"'`=/ab \n\x00\u202e"), max_size=30) | st.sampled_from(
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "`<b>`",
        "</div></div>",
        "&lt;",
        "<!--",
        "javascript:alert(1)",
    ]
)


class TestHtml:
    def test_it_has_no_script_no_class_and_only_quiet_tags(self):
        for verdict in (WRONG, PASSED, could_not_check(one_probe(), "No.")):
            page = Reader(card_html(verdict))
            assert set(page.tags) <= {"div", "span", "code", "br", "img"}
            assert {name for name, _ in page.attributes} <= {"style", "role", "aria-label", "aria-hidden", "alt", "src"}

    @settings(max_examples=60, deadline=None)
    @given(strange, strange, strange)
    def test_whatever_the_students_code_produced_stays_text(self, message, printed, key):
        recorded = Recorded([Case("one")], [seen({"a": 1})], [], [])
        for value in (ErrorSeen(key or "E", message, message), TextSeen(message), OtherSeen(message, message)):
            verdict = judge(one_probe(), recorded, [Observation(value, (key,), printed)])
            page = Reader(card_html(verdict))
            assert set(page.tags) <= {"div", "span", "code", "br", "img"}
            assert {name for name, _ in page.attributes} <= {"style", "role", "aria-label", "aria-hidden", "alt", "src"}

    def test_the_text_of_the_card_is_the_text_form(self):
        shown = Reader(card_html(WRONG)).text
        for label, text in WRONG.rows():
            assert text.replace("`", "") in shown
            assert label == "checked" or label in shown

    def test_a_screen_reader_is_told_what_the_card_is(self):
        attributes = dict(Reader(card_html(WRONG)).attributes)
        assert attributes["aria-label"] == "Verdict: f, not yet: the values differ"
        assert attributes["role"] == "group"

    def test_code_in_backticks_is_code_and_lines_are_lines(self):
        page = Reader(card_html(replace(WRONG, cause="Use `x.sum()`.\nThen <b>.")))
        assert "x.sum()" in page.words
        assert {"br", "code"} <= set(page.tags)

    def test_colours_follow_the_pages_theme(self):
        assert "var(--jp-content-font-color1" in card_html(WRONG)


class TestPlain:
    """nbgrader takes the cell's text/plain for the points: anything but one number would give full points."""

    @pytest.mark.parametrize("verdict", [WRONG, PASSED, could_not_check(one_probe(), "No."), replace(PASSED, points=2.0)])
    def test_it_is_the_bare_number_of_points(self, verdict):
        bundle = Card(verdict)._repr_mimebundle_()
        assert bundle["text/plain"] == repr(Card(verdict)) == str(verdict.points)
        assert float(bundle["text/plain"]) == verdict.points

    def test_printing_the_card_gives_the_text_form(self):
        assert str(Card(WRONG)) == str(WRONG)


def svg_of(image: str) -> str:
    data = re.search(r"base64,([^\"]+)", image)
    assert data
    return base64.b64decode(data.group(1)).decode()


class TestPicture:
    def test_its_alt_text_says_how_many_values_differ(self):
        image, caption = picture_html(*(WRONG.picture.expected, WRONG.picture.got))
        assert 'alt="Target, yours and where they differ: 1 of 4 values differ."' in image
        assert caption == "Blue is positive, orange negative; the stronger, the larger."

    def test_it_stands_in_the_card_where_vectors_or_matrices_differ_in_values(self):
        assert "<img" in card_html(WRONG)
        for expected, got in (
            (T(1.0), T(2.0)),
            (T([1.0, 2.0]), T([1.0])),
            (torch.ones(2, 2, 2), torch.zeros(2, 2, 2)),
            (T([1j, 2]), T([2j, 2])),
        ):
            assert verdict_on(expected, got).picture is None

    def test_it_has_a_square_for_each_value_of_both_and_a_dot_for_each_difference(self):
        svg = svg_of(picture_html(torch.arange(6.0).reshape(2, 3), torch.arange(6.0).reshape(2, 3) * 2)[0])
        assert (svg.count("<rect"), svg.count("<circle"), svg.count('r="1"')) == (12, 6, 1)

    def test_nan_and_infinity_are_crosses(self):
        image, caption = picture_html(T([1.0, 2.0, 3.0]), T([math.nan, 2.0, -math.inf]))
        assert svg_of(image).count("<path") == 2
        assert "A cross is NaN or infinite." in caption
        assert "2 of 3 values differ" in image

    def test_of_a_large_tensor_the_part_with_the_worst_difference_is_shown(self):
        expected = torch.zeros(100, 40)
        got = expected.clone()
        got[90, 2] = 5
        image, caption = picture_html(expected, got)
        assert svg_of(image).count("<rect") == 2 * 16 * 16
        assert "Shown: rows 82 to 97 of 100, columns 0 to 15 of 40." in caption
        assert svg_of(image).count('r="1"') == 16 * 16 - 1
        assert "Shown: elements 24 to 39 of 40." in picture_html(torch.zeros(40), torch.arange(40.0))[1]

    def test_a_difference_too_fine_for_colours_is_still_marked(self):
        assert (
            "1 of 2 values differ"
            in picture_html(T([1.0, 2.0], dtype=torch.float64), T([1.0, 2.0 + 1e-7], dtype=torch.float64))[0]
        )

    def test_masks_and_counts_are_drawn_too(self):
        assert picture_html(T([True, False]), T([False, False]))[1] == "Blue is True."
        assert "1 of 2" in picture_html(T([1, 2]), T([1, 3]))[0]

    def test_equal_tensors_give_equal_pictures(self):
        assert picture_html(torch.ones(3), torch.zeros(3)) == picture_html(torch.ones(3), torch.zeros(3))


class TestProgress:
    VERDICTS = (PASSED, WRONG, replace(WRONG, exercise="<g>", layer="not started", picture=None))

    def test_it_counts_exercises_and_points(self):
        assert str(ProgressTable(self.VERDICTS)) == (
            "  ✓ f    1 of 1  passed\n"
            "  → f    0 of 1  not yet: the values differ\n"
            "  ○ <g>  0 of 1  not started\n"
            "1 of 3 exercises passed, 1 of 3 points"
        )

    def test_its_html_is_safe_and_says_the_same(self):
        page = Reader(ProgressTable(self.VERDICTS)._repr_mimebundle_()["text/html"])
        assert set(page.tags) <= {"div", "table", "tr", "td", "b"}
        assert "<g>" in page.words
        assert "1 of 3 exercises passed, 1 of 3 points" in page.words

    def test_where_nothing_could_be_checked_it_says_why(self):
        assert str(ProgressTable([], "golden is missing")) == "golden is missing"
        assert "<table" not in ProgressTable([], "x")._repr_mimebundle_()["text/html"]


def test_a_verdict_of_an_unknown_layer_has_a_title_all_the_same():
    assert Verdict(exercise="f", passed=False, points=0, max_points=1, layer="magic", checked="").title == "not yet: magic"


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_no_observation_that_can_arrive_breaks_the_judge(data):
    """What a student's kernel sends is a claim: the judge must have a verdict for any."""
    expected = data.draw(st.sampled_from([T([1.0, 2.0]), 3, (1.0, T([[2.0]])), {"a": "text"}, None, True]))
    got = [
        Observation(data.draw(records), data.draw(st.sampled_from([(), ("x",)])), "", data.draw(st.booleans()))
        for _ in range(data.draw(st.integers(0, 3)))
    ]
    recorded = Recorded([Case("one", x=torch.ones(3, 2), lr=0.1)], [seen(expected)], [Observation(Dots())], [])
    verdict = judge(one_probe(), recorded, got)
    assert verdict.passed in (True, False)
    Reader(card_html(verdict))
    assert str(verdict)
