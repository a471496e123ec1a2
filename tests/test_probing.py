# ruff: noqa: PLW1641, PLE0307, SIM105, B012, PLW0108 (answers that misbehave are meant)
"""Running an answer: whatever it does, the probe ends in time, in silence, with a record, and leaves the notebook as it was."""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy
import pytest
import torch
from sample import names_after, observed, one_probe

from autograder import silence
from autograder.deadline import AnswerTimeout, Deadline
from autograder.exercise import Case, CheckFileError
from autograder.observation import Dots, ErrorSeen, Nothing, NumberSeen, OtherSeen, SequenceSeen, TensorSeen
from autograder.probing import run_probe

SHORT = 0.15  # seconds


class TestWhatAnswersReturn:
    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            (lambda: None, Nothing),
            (lambda: ..., Dots),
            (lambda: (i for i in range(3)), OtherSeen),
            (lambda: numpy.ones(3), OtherSeen),
            (lambda: [1, 2], SequenceSeen),
            (lambda: torch.ones(3, device="meta"), TensorSeen),
            (lambda: 1 / 0, ErrorSeen),
            (lambda: sys.exit(3), ErrorSeen),
            (lambda: (1, 2, 3), SequenceSeen),
        ],
    )
    def test_every_kind_becomes_a_record(self, answer, kind):
        assert isinstance(observed(answer).value, kind)

    def test_a_name_that_is_missing_is_told_by_name(self):
        seen = run_probe(one_probe(), {}, [Case("no input")])[0].value
        assert (seen, seen.missing) == (Dots(), "f")

    def test_an_error_quotes_the_students_own_line_even_if_torch_raised_it(self):
        names = names_after("def f(x):\n    y = x + 1\n    return helper(y)\n\ndef helper(y):\n    return y @ y\n")
        seen = run_probe(one_probe(), names, [Case("a matrix", x=torch.ones(2, 3))])[0].value
        assert (seen.type, seen.line) == ("RuntimeError", "line 6: `return y @ y`")

    def test_the_probes_own_line_is_not_quoted(self):
        names: dict = {}
        exec(compile("def probe(answer):\n    return answer.f().shape", "/course/checks.py", "exec"), names)
        seen = observed(lambda: None, probe=names["probe"]).value
        assert (seen.type, seen.line) == ("AttributeError", "")

    @pytest.mark.parametrize("how", ["__str__", "__repr__"])
    def test_an_exception_that_cannot_say_what_it_is_is_still_told(self, how):
        class Broken(BaseException):
            pass

        def broken(self):
            raise RuntimeError

        setattr(Broken, how, broken)

        def answer():
            raise Broken(1, 2)

        assert observed(answer).value.type == "Broken"

    def test_an_exception_that_takes_forever_to_say_what_it_is_is_bounded(self):
        class Slow(Exception):
            def __str__(self):
                while True:
                    time.sleep(0.01)

        def answer():
            raise Slow

        assert observed(answer, time_limit_s=SHORT).value.timed_out

    def test_the_stop_button_stops_the_check(self):
        def answer():
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            observed(answer)

    def test_hostile_tensors_are_tensors(self):
        class Equal(torch.Tensor):
            def __eq__(self, other):
                return True

            @classmethod
            def __torch_function__(cls, function, types, arguments=(), keywords=None):
                return True

        seen = observed(lambda: torch.ones(2).as_subclass(Equal)).value
        assert (seen.shape, seen.dtype) == ((2,), "float32")


class Swallower:
    """Ways to keep running when told to stop."""

    @staticmethod
    def plain():
        while True:
            pass

    @staticmethod
    def sleeping():
        time.sleep(60)

    @staticmethod
    def bare_except():
        while True:
            try:
                time.sleep(60)
            except:  # noqa: E722
                pass

    @staticmethod
    def calls_in_except():
        while True:
            try:
                sum(range(1000))
            except BaseException:
                sum(range(1000))

    @staticmethod
    def finally_continue():
        while True:
            try:
                sum(range(1000))
            finally:
                continue

    @staticmethod
    def nested_except():
        while True:
            try:
                while True:
                    try:
                        time.sleep(0.01)
                    except BaseException:
                        pass
            except BaseException:
                pass

    @staticmethod
    def recursion():
        try:
            time.sleep(60)
        except BaseException:
            Swallower.recursion()

    @staticmethod
    def another_error_instead():
        try:
            time.sleep(60)
        except BaseException:
            raise ValueError("not a timeout") from None


SWALLOWERS = [name for name in vars(Swallower) if not name.startswith("_")]


class TestTimeLimit:
    @pytest.mark.parametrize("name", SWALLOWERS)
    def test_an_answer_that_does_not_end_is_ended(self, name):
        started = time.perf_counter()
        seen = observed(getattr(Swallower, name), time_limit_s=SHORT)
        assert seen.value.timed_out
        assert seen.value.message == "still running after 0.15 seconds"
        assert time.perf_counter() - started < 5

    def test_the_line_that_hangs_is_quoted(self):
        names = names_after("def f():\n    n = 0\n    while True:\n        n += 1\n")
        seen = run_probe(one_probe(time_limit_s=SHORT), names, [Case("no input")])[0].value
        assert seen.line in ("line 3: `while True:`", "line 4: `n += 1`")

    def test_the_cases_after_it_are_not_run(self):
        cases = [Case("one", n=0), Case("two", n=1), Case("three", n=2)]
        names = {"f": lambda n: Swallower.plain() if n else 1}
        seen = run_probe(one_probe(time_limit_s=SHORT), names, cases)
        assert [type(one.value) for one in seen] == [NumberSeen, ErrorSeen]

    def test_waiting_is_allowed_longer_than_working(self):
        assert observed(lambda: time.sleep(2 * SHORT) or 7, time_limit_s=SHORT).value == NumberSeen(7)

    def test_an_import_is_not_broken_off(self, tmp_path, monkeypatch):
        code = "import time\nend = time.monotonic() + 0.45\nwhile time.monotonic() < end: pass"
        (tmp_path / "slow_to_import.py").write_text(code)
        monkeypatch.syspath_prepend(tmp_path)

        def answer():
            import slow_to_import

            return slow_to_import.end > 0

        assert observed(answer, time_limit_s=0.3).value == NumberSeen(True)

    def test_an_answer_in_time_is_not_touched(self):
        assert observed(lambda: time.sleep(0.05) or 7, time_limit_s=5).value == NumberSeen(7)
        time.sleep(0.01)

    def test_someone_elses_alarm_still_rings(self):
        rung: list[float] = []
        before = signal.signal(signal.SIGALRM, lambda *_: rung.append(time.monotonic()))
        others, _ = signal.setitimer(signal.ITIMER_REAL, 0.25)
        try:
            with pytest.raises(AnswerTimeout), Deadline(0.05):
                time.sleep(9)
            time.sleep(0.2)
            assert len(rung) == 1
        finally:
            signal.setitimer(signal.ITIMER_REAL, others)
            signal.signal(signal.SIGALRM, before)

    def test_a_tracing_debugger_is_given_back(self):
        def tracer(frame, event, argument):
            return None

        before = sys.gettrace()
        sys.settrace(tracer)
        try:
            with pytest.raises(AnswerTimeout), Deadline(0.05):
                time.sleep(9)
            assert sys.gettrace() is tracer
        finally:
            sys.settrace(before)

    def test_outside_the_main_thread_answers_run_unbounded(self):
        seen = []
        thread = threading.Thread(target=lambda: seen.append(observed(lambda: 5)))
        thread.start()
        thread.join()
        assert seen[0].value == NumberSeen(5)


class TestSilence:
    def test_nothing_an_answer_prints_or_warns_comes_out(self, capfd):
        logging.basicConfig()
        held = sys.stderr

        def answer():
            print("printed")
            print("to stderr", file=sys.stderr)
            print("to a stream held on to", file=held)
            print("to Python's own", file=sys.__stderr__)
            sys.__stdout__.write("buffered")
            warnings.warn("a warning", stacklevel=1)
            logging.getLogger("answer").warning("logged")
            os.write(1, b"descriptor 1")
            os.write(2, b"descriptor 2")
            subprocess.run([sys.executable, "-S", "-c", "print('child')"], check=True)
            return 1

        seen = observed(answer)
        for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            stream.flush()
        assert seen.value == NumberSeen(1)
        assert capfd.readouterr() == ("", "")
        assert seen.printed.startswith("printed\nto stderr\nto a stream held on to\n")

    def test_a_flood_is_cut_and_costs_no_memory(self, capfd):
        def answer():
            for _ in range(300):
                print("x" * 10_000)
                os.write(2, b"y" * 10_000)
            return 1

        seen = observed(answer)
        assert (len(seen.printed), seen.value) == (1_000, NumberSeen(1))
        assert capfd.readouterr() == ("", "")

    def test_streams_work_again_afterwards(self, capfd):
        observed(lambda: sys.stdout.close())
        observed(lambda: setattr(sys, "stdout", None))
        print("heard")
        assert capfd.readouterr().out == "heard\n"

    def test_a_process_without_stdout_can_check(self):
        code = (
            "import os, runpy, sys; os.close(1); os.close(2)\n"
            f"silenced = runpy.run_path({silence.__file__!r})['silenced']\n"
            "with silenced(10) as printed: print('x')\n"
            "sys.exit(7 if printed.getvalue() == 'x\\n' else 1)"
        )
        assert subprocess.run([sys.executable, "-c", code], stdin=subprocess.DEVNULL, check=False).returncode == 7


class TestTheNotebookStaysAsItWas:
    def test_random_draws_and_settings(self):
        torch.manual_seed(4), random.seed(4), numpy.random.seed(4)
        expected = torch.rand(1).item(), random.random(), numpy.random.rand()
        torch.manual_seed(4), random.seed(4), numpy.random.seed(4)

        def answer():
            torch.manual_seed(99), random.seed(99), numpy.random.seed(99)
            torch.set_default_dtype(torch.float64)
            torch.set_grad_enabled(False)
            warnings.simplefilter("error")
            return 1

        filters = list(warnings.filters)
        observed(answer)
        assert (torch.rand(1).item(), random.random(), numpy.random.rand()) == expected
        assert (torch.get_default_dtype(), torch.is_grad_enabled(), list(warnings.filters)) == (torch.float32, True, filters)

    def test_every_answer_draws_the_same_numbers_under_the_same_settings(self):
        def answer():
            return [torch.rand(2), random.random(), numpy.random.rand(), torch.ones(1, requires_grad=True) * 2]

        first = observed(answer)
        torch.rand(3), random.random()
        torch.set_default_dtype(torch.float64)
        try:
            with torch.no_grad():
                second = observed(answer)
            assert torch.get_default_dtype() is torch.float64
        finally:
            torch.set_default_dtype(torch.float32)
        assert torch.equal(first.value.items[0].values, second.value.items[0].values)
        assert first.value.items[1:3] == second.value.items[1:3]
        assert second.value.items[3].requires_grad
        assert second.value.items[0].dtype == "float32"


class TestInputs:
    def check(self, answer, **inputs):
        return run_probe(one_probe(), {"f": answer}, [Case("a case", **inputs)])[0]

    @pytest.mark.parametrize(
        "change",
        [
            lambda x: x.add_(1),
            lambda x: x.resize_(7),
            lambda x: x.unsqueeze_(0),
            lambda x: x.__setitem__(0, float("nan")),
            lambda x: setattr(x, "data", torch.ones(2).double()),
        ],
        ids=["add_", "resize_", "unsqueeze_", "NaN written", "data replaced"],
    )
    def test_a_tensor_changed_in_place_is_noticed_and_the_case_keeps_its_own(self, change):
        case = Case("a case", x=torch.tensor([1.0, 2.0]), y=torch.ones(2))
        seen = run_probe(one_probe(), {"f": lambda x, y: change(x) and None}, [case, case])
        assert [one.changed_inputs for one in seen] == [("x",), ("x",)]
        assert torch.equal(case.inputs["x"], torch.tensor([1.0, 2.0]))

    def test_changes_inside_lists_and_dicts_are_noticed(self):
        assert self.check(lambda x: x.append(1), x=[1]).changed_inputs == ("x",)
        assert self.check(lambda x: x["w"].zero_(), x={"w": torch.ones(2)}).changed_inputs == ("x",)
        assert self.check(lambda x: x.pop("w"), x={"w": 1}).changed_inputs == ("x",)

    def test_nan_and_negative_zero_are_no_changes(self):
        tensor = torch.tensor([float("nan"), -0.0])
        assert self.check(lambda x, n: x + n, x=tensor, n=float("nan")).changed_inputs == ()

    def test_what_an_answer_leaves_in_an_input_is_never_asked_whether_it_is_equal(self):
        class Equal:
            def __eq__(self, other):
                while True:
                    pass

            __hash__ = None

        assert self.check(lambda x: x.__setitem__(0, Equal()), x=[1]).changed_inputs == ("x",)

    def test_equal_inputs_share_no_memory(self):
        seen = self.check(lambda x, y: x.zero_() and None, x=torch.ones(3), y=torch.ones(3))
        assert seen.changed_inputs == ("x",)

    def test_strides_and_requires_grad_arrive(self):
        def answer(x, w):
            return [list(x.stride()), w.requires_grad, w.is_leaf]

        seen = self.check(answer, x=torch.ones(2, 3).t(), w=torch.ones(2, requires_grad=True))
        assert seen.value.items[0].items == (NumberSeen(1), NumberSeen(3))
        assert seen.value.items[1:] == (NumberSeen(True), NumberSeen(True))

    def test_an_input_that_is_no_data_is_told_to_the_author_with_the_case(self):
        with pytest.raises(CheckFileError, match="exercise f, case 'a case': a Linear cannot travel as data"):
            self.check(lambda x: 1, x=torch.nn.Linear(2, 2))


def trivial(code: str, *asks: str) -> bool:
    exercise = one_probe()
    from dataclasses import replace

    made = replace(exercise, asks=asks or ("f",), probe=lambda answer: 1)
    return run_probe(made, names_after(code), [Case("no input")])[0].trivial


class TestNothingWritten:
    @pytest.mark.parametrize(
        "body",
        ["...", "pass", "return ...", '"""Only words."""', '"""Words."""\n    return ...', "return None", "# a note\n    ..."],
    )
    def test_a_body_that_does_nothing(self, body):
        assert trivial(f"def f(x):\n    {body}\n")
        assert trivial(f"@torch.no_grad()\ndef f(x):\n    {body}\n")

    @pytest.mark.parametrize("body", ["return x", "x + 1", "x += 1", "return [1]", "print(1)"])
    def test_a_body_that_does_something(self, body):
        assert not trivial(f"def f(x):\n    {body}\n")

    def test_of_two_functions_both_must_be_empty(self):
        assert trivial("def f(): ...\ndef g(): ...", "f", "g")
        assert not trivial("def f(): ...\ndef g(): return [1]", "f", "g")

    def test_of_a_class_one_empty_method_is_enough(self):
        given = "class f:\n    def __init__(self):\n        self.a = []\n"
        assert trivial(f"{given}    @staticmethod\n    def forward(x):\n        return ...\n")
        assert not trivial(f"{given}    def forward(self, x):\n        return x\n")

    def test_odd_values_are_not_empty(self):
        assert not trivial("class Odd:\n    def __getattr__(self, name):\n        raise RuntimeError\nf = Odd()")
        assert not trivial("f = 3")
        assert not trivial("def f(x):\n    return x\nf.__wrapped__ = f")
