"""Wrong studies, one row each: the text, and every problem that must be reported of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin.errors import InputError
from twin.sweep.points import points_of
from twin.sweep.study.load import load_study

HEAD = "name: x\nbase: one_home\n"
TAIL = "design: {kind: grid}\nresponses: {soc_error: {}}\n"
MODULES = "factors:\n  modules: {kind: values, path: fleet.modules, values: [2, 4]}\n"
RIGHT = HEAD + MODULES + TAIL
PYTHON = "def respond(seed, a, b=1, *, c=2):\n    return {'y': a}\n"

ROWS = {
    "no mapping": ("- 3\n", ["s.yaml:1: found a list; expected a mapping of keys"]),
    "next to nothing": (
        "name: x\n",
        [f"s.yaml:1: {name}: missing" for name in ("base", "factors", "design", "responses")],
    ),
    "no design": (RIGHT.replace("design: {kind: grid}\n", ""), ["s.yaml:1: design: missing"]),
    "misspelt keys, each with what is meant": (
        RIGHT.replace("values: [2, 4]", "value: [2, 4]").replace("grid", "grid, step: 3") + "replication: 3\n",
        [
            "s.yaml:4: factors.modules.value: unknown key (did you mean values?)",
            "s.yaml:5: design.step: unknown key (did you mean steps?)",
            "s.yaml:7: replication: unknown key (did you mean replications?)",
        ],
    ),
    "a misspelt key that is called otherwise inside": (
        RIGHT.replace("design", "  who: {kind: levels, level: {a: []}}\ndesign"),
        [
            "s.yaml:5: factors.who.level: unknown key (did you mean levels?)",
        ],
    ),
    "kinds that do not exist": (
        RIGHT.replace("kind: values", "kind: value").replace("grid", "gird"),
        [
            "s.yaml:4: factors.modules.kind: found 'value'; expected one of 'levels', 'lognormal', 'normal', 'range', "
            "'rows', 'triangular', 'values' (did you mean values?)",
            "s.yaml:5: design.kind: found 'gird'; expected one of 'grid', 'latin_hypercube', 'one_at_a_time', "
            "'optuna', 'random', 'saltelli', 'sobol' (did you mean grid?)",
        ],
    ),
    "a section where one value is meant": (
        RIGHT.replace("[2, 4]", "[2, {a: 4}]"),
        ["s.yaml:4: factors.modules.values[1]: found a mapping; expected text, a number, true, false or null"],
    ),
    "a path that the base does not have, told once": (
        RIGHT.replace("fleet.modules", "fleet.moduls"),
        ["s.yaml:4: factors.modules: fleet.moduls=2: unknown key (did you mean modules?)"],
    ),
    "the factor's name is no path of the base": (
        RIGHT.replace("path: fleet.modules, ", ""),
        ["s.yaml:4: factors.modules: modules=2: unknown key (did you mean fleet.modules?)"],
    ),
    "values that can never stand there": (
        RIGHT.replace("[2, 4]", "[2, 99, four]"),
        [
            "s.yaml:4: factors.modules: fleet.modules=99: found 99; expected at most 16",
            "s.yaml:4: factors.modules: fleet.modules=\"four\": found 'four'; expected a whole number",
        ],
    ),
    "a path through a number": (
        RIGHT.replace("fleet.modules", "duration_s.hours"),
        [
            "s.yaml:4: factors.modules: duration_s.hours=2: duration_s is '10 min'; expected a mapping",
        ],
    ),
    "two factors of one path": (
        RIGHT.replace("design", "  same: {kind: range, path: fleet.modules, low: 2, high: 3, integer: true}\ndesign"),
        ["s.yaml:5: factors.same: the factor modules sets fleet.modules already"],
    ),
    "a factor that sets the seed": (
        RIGHT.replace("design", "  rolls: {kind: values, path: seed, values: [1]}\ndesign"),
        ["s.yaml:5: factors.rolls: seed=1: replications set it"],
    ),
    "names that the table has already": (
        RIGHT.replace("modules:", "host:").replace("soc_error:", "soc_error: {}, seconds: {metric: soc_error}, host:"),
        [
            "s.yaml:4: factors.host: the column host is the table's own",
            "s.yaml:6: responses.host: there is no metric host",
            "s.yaml:6: responses.seconds: the column seconds is the table's own",
            "s.yaml:6: responses.host: the column host is the factor host's",
        ],
    ),
    "metrics and statistics that there are not": (
        RIGHT.replace("soc_error:", "soc_err: {}, a: {metric: rule_soc}, rule_soc_error: {statistic: p95}, soc_error:"),
        [
            "s.yaml:6: responses.soc_err: there is no metric soc_err (did you mean soc_error?)",
            "s.yaml:6: responses.a.metric: there is no metric rule_soc (did you mean rule_soc_error?)",
            "s.yaml:6: responses.rule_soc_error.statistic: found 'p95'; "
            "a rule and what a function returns have only 'mean'",
        ],
    ),
    "constraints that are none": (
        RIGHT + "constraints:\n  - modules <= 3 <= 4\n  - moduls <= soc_eror\n  - 3 <= 4\n  - modules\n",
        [
            "s.yaml:8: constraints[0]: 'modules <= 3 <= 4' is no single comparison with <=, <, >= or >",
            "s.yaml:9: constraints[1]: there is no factor or response moduls (did you mean modules?)",
            "s.yaml:9: constraints[1]: there is no factor or response soc_eror (did you mean soc_error?)",
            "s.yaml:10: constraints[2]: '3 <= 4' names no factor and no response",
            "s.yaml:11: constraints[3]: 'modules' is no single comparison with <=, <, >= or >",
        ],
    ),
    "a constraint on words": (
        RIGHT.replace("design", "  who: {kind: levels, levels: {a: [], b: []}}\ndesign") + "constraints: [who <= 3]\n",
        ["s.yaml:8: constraints[0]: who has values that are no numbers: 'b'"],
    ),
    "a larger design than is allowed": (
        RIGHT + "replications: 6\nmost_points: 11\n",
        ["s.yaml:5: design: found a design of 12 points; expected at most 11 (most_points may be raised)"],
    ),
    "a larger design than is allowed, beside wrong factors and responses": (
        RIGHT.replace("[2, 4]", "[]")
        .replace("design", "  soc: {kind: range, path: fleet.spread.soc, low: 0, high: 1}\ndesign")
        .replace("grid", "sobol, points: 1e6")
        .replace("soc_error", "soc_err"),
        [
            "s.yaml:4: factors.modules.values: found an empty list; expected at least 1 of them",
            "s.yaml:6: design: found a design of 1000000 points; expected at most 10000 (most_points may be raised)",
            "s.yaml:7: responses.soc_err: there is no metric soc_err (did you mean soc_error?)",
        ],
    ),
    "an equation is no constraint": (
        RIGHT + "constraints: [modules = 3]\n",
        [
            "s.yaml:7: constraints[0]: 'modules = 3' cannot be read: invalid syntax (e.g. balancing_A * modules <= 20)",
        ],
    ),
    "a design that cannot be had": (
        RIGHT.replace("grid", "saltelli, samples: 12") + "constraints: [modules <= 2]\n",
        [
            "s.yaml:5: design.samples: found 12; expected a power of two (16?)",
            "s.yaml:5: design.kind: of a single factor there are no shares; expected two factors or more",
            "s.yaml:7: constraints[0]: leaves out rows, of which the design saltelli needs every one",
        ],
    ),
    "a search for nothing": (
        RIGHT.replace("grid", "optuna"),
        [
            "s.yaml:5: design: searches, but no response says what is better "
            "(give one `objective: minimize` or `maximize`)"
        ],
    ),
    "a base that is not there": (
        RIGHT.replace("one_home", "two_homes"),
        ["s.yaml:2: base: two_homes cannot be read: No such file or directory"],
    ),
    "a base of no known kind": (
        RIGHT.replace("one_home", "home.txt"),
        ["s.yaml:2: base: found 'home.txt'; expected a scenario's .yaml file, or a .py file"],
    ),
    "changes of the base that are wrong": (
        RIGHT + "set:\n  - fleet.sites=0\n  - nothing\n  - step=3\n",
        [
            "s.yaml:8: set[0]: fleet.sites: found 0; expected at least 1",
            "s.yaml:9: set[1]: is no path=value (expected e.g. --set fleet.sites=3)",
            "s.yaml:10: set[2]: step: unknown key (did you mean step_s?)",
        ],
    ),
    "a wrong section hides nothing of another": (
        "name: x\nbase: one_home\nset: [fleet.sites=0]\nfactors:\n"
        "  link: {kind: range, path: plant.link_ohm, low: 2, high: 1}\n  bad: {kind: normal}\n"
        "  pair: {kind: rows, file: no.csv}\ndesign: {kind: grid, steps: 1}\nresponses: {soc_err: {}, y: {m: z}}\n"
        "constraints: [link <= lnk]\nreplications: 0\n",
        [
            "s.yaml:3: set[0]: fleet.sites: found 0; expected at least 1",
            "s.yaml:5: factors.link.high: an empty range: found 1; expected more than low, 2",
            "s.yaml:6: factors.bad.mean: missing",
            "s.yaml:6: factors.bad.sd: missing",
            "s.yaml:7: factors.pair.file: no.csv cannot be read: No such file or directory",
            "s.yaml:8: design.steps: found 1; expected at least 2",
            "s.yaml:9: responses.y.m: unknown key (known: metric, statistic, objective)",
            "s.yaml:10: constraints[0]: there is no factor or response lnk (did you mean link?)",
            "s.yaml:11: replications: found 0; expected at least 1",
        ],
    ),
    "arguments that a function does not have, and one without a value": (
        RIGHT.replace("one_home", "f.py").replace("fleet.modules", "d") + "set: [e=3, seed=4]\n",
        [
            "s.yaml:7: set[0]: e: respond has no such argument (known: a, b, c)",
            "s.yaml:7: set[1]: seed: replications set it (known: a, b, c)",
        ],
    ),
    "a factor that is no argument": (
        RIGHT.replace("one_home", "f.py").replace("fleet.modules", "d"),
        [
            "s.yaml:4: factors.modules: d=2: respond has no such argument (known: a, b, c)",
        ],
    ),
    "an argument without a value": (
        RIGHT.replace("one_home", "f.py").replace("fleet.modules", "b"),
        ["f.py:1: argument a of respond has no value"],
    ),
    "an argument without a value, beside other mistakes": (
        RIGHT.replace("one_home", "f.py").replace("fleet.modules", "b") + "replications: 0\nconstraints: modules < 3\n",
        [
            "s.yaml:7: replications: found 0; expected at least 1",
            "s.yaml:8: constraints: found 'modules < 3'; expected a list",
            "f.py:1: argument a of respond has no value",
        ],
    ),
    "names with dots": (
        RIGHT.replace("modules:", "fleet.modules:"),
        ["s.yaml:4: factors.fleet.modules: found 'fleet.modules'; expected text that matches ^[A-Za-z][A-Za-z0-9_]*$"],
    ),
    "the p95 of one number": (
        RIGHT.replace("one_home", "f.py").replace("fleet.modules", "a").replace("{}", "{statistic: p95}"),
        [
            "s.yaml:6: responses.soc_error.statistic: found 'p95'; a rule and what a function returns have only 'mean'",
        ],
    ),
}


def _told(error: InputError, folder: Path) -> list[str]:
    return [str(problem).replace(f"{folder}/", "") for problem in error.problems]


@pytest.mark.parametrize(("text", "problems"), ROWS.values(), ids=list(ROWS))
def test_every_problem_is_reported(text: str, problems: list[str], tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(text)
    (tmp_path / "f.py").write_text(PYTHON)
    with pytest.raises(InputError) as error:
        load_study(tmp_path / "s.yaml")
    assert _told(error.value, tmp_path) == problems


FILES = {
    "a syntax error": ("def respond(seed:\n", ["f.py:1: cannot be imported: SyntaxError: '(' was never closed"]),
    "an error on import": ("x = 1\ny = 1 / 0\n", ["f.py:2: cannot be imported: ZeroDivisionError: division by zero"]),
    "no function": (
        "respond = 3\n",
        ["s.yaml:2: base: f.py has no function respond (expected def respond(seed, ...))"],
    ),
    "arguments by place": (
        "def respond(a, /):\n    pass\n",
        ["f.py:1: respond has a by place only; expected arguments by name", "f.py:1: respond has no argument seed"],
    ),
}


@pytest.mark.parametrize(("source", "problems"), FILES.values(), ids=list(FILES))
def test_a_file_that_is_no_function(source: str, problems: list[str], tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(RIGHT.replace("one_home", "f.py"))
    (tmp_path / "f.py").write_text(source)
    with pytest.raises(InputError) as error:
        load_study(tmp_path / "s.yaml")
    assert _told(error.value, tmp_path) == problems


def test_a_base_with_mistakes_names_its_own_lines(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(RIGHT.replace("one_home", "base.yaml"))
    (tmp_path / "base.yaml").write_text("name: x\nstart: 2026-06-21T06:00:00+08:00\nduration_s: -1\n")
    with pytest.raises(InputError) as error:
        load_study(tmp_path / "s.yaml")
    assert _told(error.value, tmp_path) == ["base.yaml:3: duration_s: found -1; expected more than 0"]


def test_what_is_no_study_is_called_what_it_is(tmp_path: Path) -> None:
    home = tmp_path / "home.yaml"
    home.write_text("name: x\nstart: 2026-06-21T06:00:00+08:00\nduration_s: 10\n")
    absent = "cannot be read: there is no such file, and no study of that name ships"
    told: dict[Path | str, str] = {
        tmp_path: f"{tmp_path}: holds no study: there is no study.yaml in it",
        home: f"{home}: is a scenario; expected a study (twin run runs scenarios)",
        tmp_path / "no.yaml": f"{tmp_path}/no.yaml: {absent}",
        "studies/first_studdy": f"studies/first_studdy: {absent} (did you mean studies/first_study?)",
    }
    for path, problem in told.items():
        with pytest.raises(InputError) as error:
            load_study(path)
        assert [str(one) for one in error.value.problems] == [problem]


def test_overrides_of_the_study_are_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(RIGHT)
    with pytest.raises(InputError) as error:
        load_study(tmp_path / "s.yaml", ["design.steps=0", "replications"])
    assert _told(error.value, tmp_path) == [
        "--set replications: is no path=value (expected e.g. --set fleet.sites=3)",
        "--set design.steps=0: design.steps: found 0; expected at least 2",
    ]


def test_rows_that_do_not_agree_with_the_base_are_told_together(tmp_path: Path) -> None:
    factors = (
        "  packs: {kind: values, path: fleet.packs, values: [1, 3, 4]}\n"
        "  step: {kind: values, path: step_s, values: [1, 7]}\n"
    )
    text = RIGHT.replace("one_home", "base.yaml").replace("[2, 4]", "[5, 6]").replace("design", f"{factors}design")
    (tmp_path / "s.yaml").write_text(text)
    (tmp_path / "base.yaml").write_text("name: x\nstart: 2026-06-21T06:00:00+08:00\nduration_s: 630\n")
    study = load_study(tmp_path / "s.yaml")
    with pytest.raises(InputError) as error:
        points_of(study, study.study.design.next(study.space, ()), 100)
    slots = "modules a site; expected at most 16"
    assert _told(error.value, tmp_path) == [
        "base.yaml:1: record.period_s: found 1; expected a multiple of step_s, 7; "
        "row 101 (modules=5, packs=1, step=7) and 5 more (7 is one)",
        f"s.yaml:4: factors.modules: fleet.modules=5: found 4 packs of 5, 20 {slots}; "
        "row 104 (modules=5, packs=4, step=1) and 1 more",
        f"s.yaml:4: factors.modules: fleet.modules=6: found 3 packs of 6, 18 {slots}; "
        "row 108 (modules=6, packs=3, step=1) and 1 more",
        f"s.yaml:4: factors.modules: fleet.modules=6: found 4 packs of 6, 24 {slots}; "
        "row 110 (modules=6, packs=4, step=1) and 1 more",
    ]


def test_of_many_mistakes_some_are_counted(tmp_path: Path) -> None:
    text = RIGHT.replace("path: fleet.modules, values: [2, 4]", f"path: step_s, values: {list(range(601, 632))}")
    (tmp_path / "s.yaml").write_text(text)
    study = load_study(tmp_path / "s.yaml")
    with pytest.raises(InputError) as error:
        points_of(study, study.study.design.next(study.space, ()))
    assert len(error.value.problems) == 21
    assert str(error.value.problems[-1]) == "and 42 more mistakes in rows of the design"
