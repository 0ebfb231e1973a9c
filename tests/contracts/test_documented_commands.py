"""Every command that README and docs tell somebody to type exists, with its options; so do endpoints and bodies."""

import ast
import importlib.util
import json
import re
import shlex
from pathlib import Path

import click
import pytest
import yaml

PROJECT = Path(__file__).parents[2]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:^|\n)((?: {4}\S.*\n?)+)")
INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
SHELLS = ("sh", "bash", "shell", "console")
WORDS_ONLY = {"shoploop is up"}  # said by a command, not typed
ENDS = {"&&", "||", "|", ";", "&", "(", ")"}
COMMAND = re.compile(r"(?:^|/)shoploop$")
ADDRESS = re.compile(r"(?:localhost|127\.0\.0\.1|shop\.example)(?::3000)?(/[\w./-]*)")


def typed(text):
    """All that a page shows as typed: blocks of shell, indented ones, and inline code."""
    blocks = [body for language, body in FENCE.findall(text) if language in SHELLS]
    rest = FENCE.sub("", text)
    indented = [block for block in INDENTED.findall(rest) if COMMAND.search(block.split()[0])]
    return blocks + indented + [re.sub(r"\s+", " ", code) for code in INLINE.findall(rest) if code not in WORDS_ONLY]


def commands(text):
    """Every simple command in them, as its words."""
    for block in typed(text):
        begun = ""
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            begun = f"{begun}\n{line.strip()}".strip()
            try:
                words = words_of(begun)
            except ValueError:  # a quotation goes on in the next line
                continue
            yield from _split(words)
            begun = ""


def words_of(line):
    """A line's words as a shell takes them; <what to put there> is one word."""
    lexer = shlex.shlex(re.sub(r"<[^<>\n]+>", "X", line), posix=True, punctuation_chars=True)
    lexer.commenters, lexer.whitespace_split = "#", True
    return list(lexer)


def _split(words):
    command = []
    for word in [*words, ";"]:
        if word in ENDS or set(word) <= set("&|;()"):
            if command:
                yield command
            command = []
        else:
            command.append(word)


def pages():
    return {path.name: list(commands(path.read_text(encoding="utf-8"))) for path in PAGES}


FOUND = [(page, command) for page, found in pages().items() for command in found]


def after(pattern, command):
    """The words behind the one that matches, or None."""
    at = next((n for n, word in enumerate(command) if re.search(pattern, word)), None)
    return None if at is None else command[at + 1 :]


def told(cases):
    return pytest.mark.parametrize(("page", "words"), cases, ids=[f"{p}: {' '.join(w)}"[:90] for p, w in cases])


def unique(cases):
    return list({(page, tuple(words)): (page, words) for page, words in cases}.values())


OURS = unique((page, found) for page, command in FOUND if (found := after(COMMAND, command)) is not None)


@told([case for case in OURS if case[1]])
def test_the_command_of_shoploop_exists_with_its_options(page, words):
    from components.__main__ import main

    assert complaint(main, words) is None


def complaint(command, words):
    """What is wrong with the words behind a click command; None if nothing is."""
    context = click.Context(command)
    while isinstance(command, click.Group):
        if not words or words[0] in ("--help", "…"):
            return None
        name, *words = words
        found = command.get_command(context, name)
        if found is None:
            return f"no command '{name}'"
        command = found
    options = {opt: param for param in command.params for opt in (*param.opts, *param.secondary_opts)}
    places, words = [], list(words)
    while words:
        word = words.pop(0)
        if not word.startswith("-") or word == "-":
            places.append(word)
            continue
        name, _, value = word.partition("=")
        if name not in options and name != "--help":
            return f"no option {name}"
        param = options.get(name)
        if param is not None and not param.is_flag:
            value = value or (words.pop(0) if words else "")
            if isinstance(param.type, click.Choice) and value not in (*param.type.choices, "…"):
                return f"{name} cannot be '{value}'"
    arguments = [param for param in command.params if isinstance(param, click.Argument)]
    if len(places) > sum(param.nargs for param in arguments) and all(param.nargs > 0 for param in arguments):
        return f"takes {len(arguments)} arguments, not {len(places)}"
    return None


def test_what_does_not_exist_is_recognised():
    from components.__main__ import main

    assert complaint(main, ["promote", "2", "--reason", "better", "--as", "canary"]) is None
    assert complaint(main, ["demote", "2"]) == "no command 'demote'"
    assert complaint(main, ["promote", "2", "--why", "better"]) == "no option --why"
    assert complaint(main, ["promote", "2", "--as", "king"]) == "--as cannot be 'king'"
    assert complaint(main, ["rollback", "2", "--reason", "x"]) == "takes 0 arguments, not 1"


def test_every_target_of_make_exists():
    targets = set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    asked = {word for _, command in FOUND if command[0] == "make" for word in command[1:2] if word.isalpha()}
    assert len(asked) > 8
    assert asked <= targets


MODULES = unique(
    (page, found) for page, command in FOUND if (found := after("^-m$", command)) and "python" in command[0]
)


@told(MODULES)
def test_the_module_and_its_options_exist(page, words):
    name, options = words[0], [word.partition("=")[0] for word in words[1:] if word.startswith("--")]
    spec = importlib.util.find_spec(name)
    assert spec is not None, name
    if spec.submodule_search_locations is not None:
        spec = importlib.util.find_spec(f"{name}.__main__")
    source = Path(spec.origin).read_text(encoding="utf-8")
    if name.split(".")[0] in ("tests", "services", "flows"):
        assert [option for option in options if f'"{option}"' not in source and option != "--anyway"] == []


def test_every_deployment_and_its_parameters_exist():
    known = yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"]
    asked = [(found[0], found[1:]) for _, command in FOUND if command[0].endswith("prefect")
             and (found := after("^run$", command))]  # fmt: skip
    assert len(asked) >= 3
    for name, words in asked:
        flow, _, deployment = name.partition("/")
        (entry,) = [d["entrypoint"] for d in known if flow_name(d) == flow and d["name"] == deployment]
        path, _, function = entry.partition(":")
        given = {words[n + 1].partition("=")[0] for n, word in enumerate(words) if word == "-p"}
        assert given <= arguments_of(PROJECT / path, function)


def flow_name(deployment):
    """As its decorator names it."""
    path, _, function = deployment["entrypoint"].partition(":")
    source = (PROJECT / path).read_text(encoding="utf-8")
    return re.search(rf'@flow\(name="([^"]+)"[^\n]*\)\ndef {function}\(', source)[1]


def arguments_of(path, function):
    """Names of a function's parameters."""
    (found,) = [node for node in ast.parse(path.read_text()).body if getattr(node, "name", "") == function]
    return {argument.arg for argument in (*found.args.args, *found.args.kwonlyargs)}


def asked_for():
    """(page, path, body or None) of every curl."""
    for page, command in FOUND:
        if "curl" not in command:
            continue
        path = next((found[1] for word in command if (found := ADDRESS.search(word))), None)
        body = command[command.index("-d") + 1] if "-d" in command else None
        if path is not None:
            yield page, path, body


def test_every_endpoint_that_is_called_exists_and_takes_the_body_it_is_sent():
    from services.refusals import REQUESTS, understood
    from services.routes import ROUTES

    calls = list(asked_for())
    assert {path for _, path, _ in calls} >= {route for route, kind in ROUTES.items() if kind.works}
    for page, path, body in calls:
        assert path in ROUTES, (page, path)
        if body is not None:
            json.loads(body)
            assert type(understood(path, body.encode())) is REQUESTS[path], (page, path, body)


def test_every_endpoint_that_is_named_exists():
    from services.routes import ROUTES

    named = {path for text in map(Path.read_text, PAGES) for path in re.findall(r"(?:GET|POST) (/[\w./]+)", text)}
    assert len(named) > 4
    assert named <= set(ROUTES)
