"""The program ``oodt``: the list of commands, and completion in the shell."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from runtime.__main__ import main
from runtime.cli import commands, completion

ROOT = Path(__file__).parents[4]
SECONDS = 60


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*arguments], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False
    )


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_a_command_is_listed_by_its_own_name(name: str) -> None:
    assert commands.load(name).name == name


def test_each_parser_is_given_by_the_name_of_its_command() -> None:
    assert {name: parser.prog for name, parser in commands.parsers().items()} == {
        name: f"oodt {name}" for name in commands.COMMANDS
    }


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_help_names_the_program_as_it_was_called(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for program in ("oodt", "python -m runtime"):
        with pytest.raises(SystemExit):
            main([name, "--help"], program=program)
        assert capsys.readouterr().out.startswith(f"usage: {program} {name} ")


def test_without_a_command_all_are_listed() -> None:
    done = run(sys.executable, "-m", "runtime")
    assert (done.returncode, done.stderr) == (2, "")
    assert all(f"\n    {name} " in done.stdout for name in commands.COMMANDS)


def test_an_unknown_command_is_refused_with_those_that_there_are() -> None:
    done = run(sys.executable, "-m", "runtime", "sumbit")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'sumbit'" in done.stderr and "submit" in done.stderr


def test_a_command_behaves_as_its_module_does() -> None:
    ways = (("-m", "runtime", "status"), ("-m", "runtime.status"))
    one, other = (run(sys.executable, *way, "--job", "") for way in ways)
    assert (one.returncode, one.stderr.splitlines()[-1].partition(": ")[2]) == (
        2,
        other.stderr.splitlines()[-1].partition(": ")[2],
    )


def test_the_list_of_commands_loads_none_of_them() -> None:
    program = "import sys; from runtime.cli.commands import program_parser; "
    program += "program_parser('oodt', with_options=False).format_help(); print(*sys.modules)"
    loaded = run(sys.executable, "-c", program).stdout.split()
    assert "runtime.cli.command" in loaded
    assert {"runtime.submit", "runtime.status", "pika", "rich", "aiohttp"}.isdisjoint(loaded)


def test_the_parsers_of_all_commands_need_no_http_client_of_the_containers() -> None:
    program = "import sys; from runtime.cli.commands import parsers; parsers(); print(*sys.modules)"
    loaded = run(sys.executable, "-c", program).stdout.split()
    assert "runtime.clean" in loaded
    assert "aiohttp" not in loaded


def completed(*words: str) -> set[str]:
    """What bash offers for the last of these words."""
    line = " ".join(words)
    ask = f"""
        eval "$1"
        COMP_WORDS=({line} "") COMP_CWORD={len(words)} COMP_LINE="{line} "
        _shtab_oodt oodt "" "{words[-1]}"
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = run("bash", "-c", ask, "bash", completion.script("bash"))
    assert done.stderr == ""
    return set(done.stdout.split())


def test_bash_completes_commands_and_their_options() -> None:
    assert completed("oodt") >= {*commands.COMMANDS, "completion"}
    assert completed("oodt", "completion") == {"bash", "zsh"}
    assert completed("oodt", "submit", "--priority") == {"normal", "high"}


def test_bash_completes_the_batch_file_of_submit_only(tmp_path: Path) -> None:
    assert "README.md" in completed("oodt", "submit", "--batch")
    assert "README.md" not in completed("oodt", "cancel", "--batch")


def test_zsh_has_a_script_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "zsh"]) == 0
    script = capsys.readouterr().out
    assert script.startswith("#compdef oodt")
    assert "--priority" in script


def test_where_the_library_is_missing_the_fix_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 2
    assert "pip install 'oodt-runtime[completion]'" in capsys.readouterr().err


def test_the_pins_of_the_library_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [pin] = project["optional-dependencies"]["completion"]
    assert pin in (ROOT / "requirements.txt").read_text().splitlines()
