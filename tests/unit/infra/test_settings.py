"""What an operator may set, and what the errors say."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from infra import settings
from infra.settings import ConfigurationError, Settings
from tests.unit.project import DECLARED, ROOT, defaults


def load(changes: dict[str, str] | None = None) -> Settings:
    config = {f"oodt:{key}": text for key, text in (defaults() | (changes or {})).items()}
    return settings.load(config | {"aws:region": "us-west-2"}, project="oodt", stack="dev", root=ROOT)


def workflow_folder(folder: Path, *events: str) -> Path:
    for part in ("policy", "pge-configs", "pges"):
        (folder / part).mkdir(parents=True)
    listed = "".join(f'<event name="{event}"><workflow id="w"/></event>' for event in events)
    (folder / "policy" / "events.xml").write_text(f"<events>{listed}</events>")
    return folder


def test_the_defaults_of_the_project_file_are_a_usable_stack() -> None:
    chosen = load()
    assert (chosen.target, chosen.worker_nodes, chosen.wm_replicas, chosen.proxy) == ("local", 2, 2, False)
    (workflow,) = chosen.workflows
    assert (workflow.event, workflow.max_workflows, workflow.max_attempts, workflow.job_timeout) == (
        "test-workflow",
        4,
        3,
        3600,
    )
    assert workflow.directory == ROOT / "workflows" / "test-workflow"


def test_a_leaving_container_may_take_as_long_as_the_longest_job_unless_told_otherwise() -> None:
    assert load({"job_timeout": "7200"}).leave_within == 7200
    assert load({"job_timeout": "7200", "leave_within": "0"}).leave_within == 0
    with pytest.raises(ConfigurationError, match="leave_within"):
        load({"leave_within": "soon"})


def test_every_known_key_is_declared_with_a_default_and_a_description() -> None:
    assert set(DECLARED) == set(settings.KEYS)
    assert all(entry["description"] for entry in DECLARED.values())
    assert all(isinstance(text, str) for text in defaults().values())


def test_no_key_has_a_type_that_would_refuse_a_list_as_one_text() -> None:
    assert [key for key, entry in DECLARED.items() if "type" in entry] == []
    lists = {key for key, entry in DECLARED.items() if entry["default"] == []}
    assert lists == {"workflows", "admin_cidrs", "subnet_ids", "workers"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("wm_replicas", "0"),
        ("wm_replicas", "-1"),
        ("wm_replicas", "four"),
        ("wm_replicas", "2.5"),
        ("wm_memory", "100"),
        ("wm_memory", "2g"),
        ("wm_cpus", "0"),
        ("wm_cpus", "nan"),
        ("wm_cpus", "1,5"),
        ("wm_replicas", ""),
        ("worker_nodes", "51"),
        ("target", "moon"),
        ("proxy", "yes"),
        ("prometheus", "yes"),
        ("max_attempts", "0"),
        ("job_timeout", "never"),
        ("overlay_pool", "10.200.0.0/24"),
        ("overlay_pool", "10.200.0.1/16"),
        ("overlay_pool", "large"),
        ("subnet", "10.213.0.1/24"),
        ("subnet", "10.213.0.0/28"),
        ("subnet", "10.0.0.0/8"),
        ("subnet", "0.0.0.0/24"),
        ("subnet", "127.0.0.0/24"),
        ("subnet", "169.254.1.0/24"),
        ("subnet", "224.0.0.0/24"),
        ("workflow_queue", " "),
        ("workflow_queue", "no-such-event"),
        ("workflow_queue", "test-workflow.dead"),
        ("workflow_queue", "one,two"),
        ("workflow_queue", "amq.jobs"),
        ("workflow_queue", "oodt.status"),
        ("workflow_dir", "/nowhere"),
        ("workflow_dir", "~nobody-of-this-name/flow"),
        ("workflow_dir", "long" * 1000),
        ("workflow_dir", "with\0zero"),
        ("workflows", "[1]"),
        ("workflows", '[null,{"event":"test-workflow","dir":"workflows/test-workflow"}]'),
        ("workflows", "{"),
        ("workflows", "[" * 100_000),
        ("workflows", f'[{{"event": "test-workflow", "max_workflows": {"9" * 5000}}}]'),
        ("max_workflows", "9" * 5000),
    ],
)
def test_a_bad_value_is_refused_with_key_value_and_the_line_to_type(key: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load({key: value})
    message = str(caught.value)
    assert message.startswith(f"{key} is {value!r}: ")
    assert f"fix: pulumi config set {key} " in message


def test_a_list_that_path_has_begun_anew_is_refused_with_what_happened() -> None:
    with pytest.raises(ConfigurationError, match="where the list was one text, `--path` has begun another"):
        load({"target": "hosts", "manager": "ssh://a@h0", "workers": '[null,"ssh://a@h2"]'})


def test_an_unknown_key_is_refused_with_the_key_that_was_meant() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load({"wm_replcas": "4"})
    assert "did you mean wm_replicas?" in str(caught.value)
    assert "pulumi config rm wm_replcas" in str(caught.value)


def test_several_workflows_take_what_they_leave_out_from_the_stack(tmp_path: Path) -> None:
    one = workflow_folder(tmp_path / "one", "first")
    two = workflow_folder(tmp_path / "two", "second")
    listed = [
        {"event": "first", "dir": str(one), "priority": "high"},
        {"event": "second", "dir": str(two), "max_workflows": 1},
    ]
    first, second = load({"workflows": json.dumps(listed), "max_attempts": "5"}).workflows
    assert (first.priority, first.max_workflows, first.max_attempts) == ("high", 4, 5)
    assert (second.priority, second.max_workflows, second.name) == ("normal", 1, "two")


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"priority": "urgent"}, "workflows[0].priority"),
        ({"max_workflows": True}, "workflows[0].max_workflows"),
        ({"colour": "red"}, "workflows[0].colour"),
        ({"event": "second"}, "workflows[0].event"),
        ({"dir": "/nowhere"}, "workflows[0].dir"),
    ],
)
def test_a_bad_entry_is_refused_with_its_place(tmp_path: Path, change: dict[str, object], key: str) -> None:
    entry = {"event": "first", "dir": str(workflow_folder(tmp_path / "one", "first"))}
    with pytest.raises(ConfigurationError) as caught:
        load({"workflows": json.dumps([entry | change])})
    assert str(caught.value).startswith(f"{key} is ")
    _, line = str(caught.value).split("  fix: pulumi config set workflows ")
    assert isinstance(json.loads(line.strip("'")), list)


def test_two_workflows_cannot_share_an_event_or_a_folder_name(tmp_path: Path) -> None:
    one = {"event": "first", "dir": str(workflow_folder(tmp_path / "a" / "same", "first"))}
    two = {"event": "second", "dir": str(workflow_folder(tmp_path / "b" / "same", "second"))}
    with pytest.raises(ConfigurationError, match="names must differ"):
        load({"workflows": json.dumps([one, two])})
    with pytest.raises(ConfigurationError, match="events must differ"):
        load({"workflows": json.dumps([one, one | {"dir": str(workflow_folder(tmp_path / "c", "first"))}])})


def test_a_folder_with_several_events_serves_all_of_them(tmp_path: Path) -> None:
    folder = workflow_folder(tmp_path / "flow", "first", "second")
    (tmp_path / "link").symlink_to(tmp_path)
    listed = [
        {"event": "first", "dir": str(folder)},
        {"event": "second", "dir": str(tmp_path / "link" / "flow"), "priority": "high"},
    ]
    chosen = load({"workflows": json.dumps(listed)})
    assert [workflow.event for workflow in chosen.workflows] == ["first", "second"]
    assert chosen.folders == (folder,)


def originals_layout(folder: Path, *names: str) -> Path:
    for name in names:
        workflow = workflow_folder(folder / "workflows" / name, "first")
        (folder / "pges").mkdir(exist_ok=True)
        (workflow / "pges").rename(folder / "pges" / name)
    return folder


@pytest.mark.parametrize("named", [".", "workflows/flow"])
def test_the_originals_layout_is_taken_as_it_is(tmp_path: Path, named: str) -> None:
    folder = originals_layout(tmp_path / "original", "flow")
    (workflow,) = load({"workflow_dir": str(folder / named), "workflow_queue": "first"}).workflows
    assert workflow.name == "flow"
    assert workflow.directory == folder / "workflows" / "flow"


def test_of_several_workflows_in_the_originals_layout_one_must_be_named(tmp_path: Path) -> None:
    folder = originals_layout(tmp_path / "original", "one", "two")
    with pytest.raises(ConfigurationError) as caught:
        load({"workflow_dir": str(folder), "workflow_queue": "first"})
    assert f"{folder}/workflows/one, {folder}/workflows/two." in str(caught.value)
    chosen = load({"workflow_dir": str(folder / "workflows" / "two"), "workflow_queue": "first"})
    assert chosen.workflows[0].name == "two"


def test_what_cannot_be_copied_is_refused_with_its_path(tmp_path: Path) -> None:
    folder = workflow_folder(tmp_path / "flow", "first")
    (folder / "pges" / "data").symlink_to("/nowhere/data")
    with pytest.raises(ConfigurationError, match=f"{folder}/pges/data, a link to /nowhere/data, leads to"):
        load({"workflow_dir": str(folder), "workflow_queue": "first"})


ENCRYPTED = ["oodt:workflows", "oodt:workflow_secrets"]


def load_encrypted(changes: dict[str, str]) -> Settings:
    config = {f"oodt:{key}": text for key, text in (defaults() | changes).items()}
    return settings.load(config, project="oodt", stack="dev", root=ROOT, encrypted=ENCRYPTED)


def test_a_workflow_has_variables_of_its_own_and_the_paths_of_its_secrets(tmp_path: Path) -> None:
    folder = workflow_folder(tmp_path / "flow", "first")
    entry = {"event": "first", "dir": str(folder), "environment": {"MODEL": "m 1", "DEPTH": 3, "DRY": True}}
    one = {"workflows": json.dumps([entry | {"secrets": {"TOKEN": "s3cr3t"}}])}
    expected = {"MODEL": "m 1", "DEPTH": "3", "DRY": "true"}
    path = {"TOKEN_FILE": "/run/workflow-secrets/flow/TOKEN"}
    assert load_encrypted(one).variables == {"flow": expected | path}
    assert load_encrypted(one).secrets == {("flow", "TOKEN"): "s3cr3t"}
    short = {"workflow_environment": json.dumps(entry["environment"]), "workflow_secrets": '{"T": "s3cr3t"}'}
    (workflow,) = load_encrypted(short).workflows
    assert workflow.environment == expected
    assert workflow.variables["T_FILE"] == "/run/workflow-secrets/test-workflow/T"
    assert "s3cr3t" not in repr(workflow)


@pytest.mark.parametrize(
    "environment",
    [
        *("[]", "no", '{"1": "a"}', '{"A-B": "a"}', '{"A": []}', '{"A": null}', '{"A": "\\u0000"}'),
        *('{"OODT_HOME": "/"}', '{"EVENTS": ""}', '{"HOSTNAME": "h"}', '{"PCS_FileManagerUrl": "http://x"}'),
    ],
)
def test_a_variable_that_cannot_be_one_or_is_the_clusters_is_refused(environment: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^workflow_environment is "):
        load({"workflow_environment": environment})


@pytest.mark.parametrize(
    "changes",
    [
        {"workflow_secrets": '{"TOKEN": "s3cr3t"}', "workflow_environment": '{"TOKEN_FILE": "/x"}'},
        {"workflow_secrets": '{"OODT_TOKEN": "s3cr3t"}'},
        {"workflow_secrets": '["s3cr3t"]'},
        {"workflow_secrets": "s3cr3t"},
        {"workflow_secret": "s3cr3t"},
        {"workflows": '[{"secrets": {"TOKEN": "s3cr3t"}'},
        {"workflows": '[{"secrets": {"TOKEN": "s3cr3t"}}]'},
        {"workflows": '[{"event": "e", "dir": "/nowhere", "secrets": {"TOKEN": "s3cr3t"}}]'},
        {"workflows": '[{"event": "e", "dir": "/nowhere", "secrets": {"TOKEN": ["s3cr3t"]}}]'},
        {"workflows": '[{"event": "e", "environment": {"T_FILE": ""}, "secrets": {"T": "s3cr3t"}, "x": 1}]'},
    ],
)
def test_no_error_shows_a_secret(changes: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_encrypted(changes)
    assert "s3cr3t" not in str(caught.value)


def test_a_secret_in_clear_is_refused_with_the_line_that_encrypts_it() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load({"workflow_secrets": '{"TOKEN": "s3cr3t"}'})
    assert "pulumi config set --secret --path 'workflow_secrets.TOKEN'" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_entries_of_one_folder_have_the_same_variables(tmp_path: Path) -> None:
    folder = str(workflow_folder(tmp_path / "flow", "first", "second"))
    listed = [
        {"event": "first", "dir": folder, "environment": {"A": "1"}},
        {"event": "second", "dir": folder},
    ]
    with pytest.raises(ConfigurationError, match="event first of the same folder has another one"):
        load({"workflows": json.dumps(listed)})


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("ARG OODT\nFROM ${OODT}\nRUN true\n", True),
        ("ARG OODT\nFROM debian AS build\nfrom --platform=linux/amd64 $OODT AS last\n", True),
        ("FROM debian\n", False),
        ("ARG OODT\nFROM ${OODT}\nFROM debian\n", False),
        ("", False),
    ],
)
def test_a_dockerfile_begins_with_the_clusters_image(tmp_path: Path, text: str, taken: bool) -> None:
    folder = workflow_folder(tmp_path / "flow", "first")
    (folder / "Dockerfile").write_text(text)
    changes = {"workflow_dir": str(folder), "workflow_queue": "first"}
    if taken:
        assert load(changes).folders == (folder,)
    else:
        with pytest.raises(ConfigurationError, match=r"Dockerfile does not begin with the cluster's image"):
            load(changes)


@pytest.mark.parametrize("entry", [{}, {"colour": "red"}, {"max_workflows": 2}])
def test_the_line_to_type_for_an_entry_that_lacks_its_keys_is_not_refused_itself(
    entry: dict[str, object],
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load({"workflows": json.dumps([entry])})
    *_, value = shlex.split(str(caught.value).partition("fix: ")[2])
    (workflow,) = load({"workflows": value}).workflows
    assert workflow.event == "test-workflow"


@pytest.mark.parametrize("name", ["policy/tasks.xml", "policy/my.workflow.xml", "pge-configs/task.xml"])
def test_a_file_that_is_no_xml_is_named_with_line_and_reason(tmp_path: Path, name: str) -> None:
    folder = workflow_folder(tmp_path / "flow", "first")
    (folder / name).write_text("<tasks>\n  <task>\n</tasks>\n")
    with pytest.raises(ConfigurationError) as caught:
        load({"workflow_dir": str(folder), "workflow_queue": "first"})
    assert str(caught.value).startswith(f"workflow_dir is {str(folder)!r}: {folder / name}, line 3: ")
    assert "mismatched tag" in str(caught.value)
    assert "fix: mend the file" in str(caught.value)


@pytest.mark.parametrize("encoding", ["no-such-encoding", "shift_jis"])
def test_a_file_in_an_encoding_that_cannot_be_read_is_named(tmp_path: Path, encoding: str) -> None:
    folder = workflow_folder(tmp_path / "flow", "first")
    events = folder / "policy" / "events.xml"
    events.write_text(f'<?xml version="1.0" encoding="{encoding}"?>\n{events.read_text()}')
    with pytest.raises(ConfigurationError, match=r"events.xml, line 1: .*encoding"):
        load({"workflow_dir": str(folder), "workflow_queue": "first"})


def test_files_that_oodt_can_read_are_accepted(tmp_path: Path) -> None:
    folder = workflow_folder(tmp_path / "flow", "first")
    (folder / "policy" / "tasks.xml").write_text("<cas:tasks></cas:tasks>")  # without regard to namespaces
    (folder / "pge-configs" / "._task.xml").write_bytes(b"\0")  # of another system's file manager
    (folder / "pges" / "template.xml").write_text("<one/><two/>")  # a program's own
    assert load({"workflow_dir": str(folder), "workflow_queue": "first"}).folders == (folder,)


@pytest.mark.parametrize(
    ("url", "encrypted"),
    [
        ("ftp://host/s3cr3t", True),
        ("s3cr3t", True),
        ("http://host/s3 cr3t", True),
        ("https://host/s3cr3t", False),
    ],
)
def test_a_webhook_that_is_no_address_or_in_clear_is_refused_and_not_shown(url: str, encrypted: bool) -> None:
    config = {f"oodt:{key}": text for key, text in (defaults() | {"alarm_webhook": url}).items()}
    with pytest.raises(ConfigurationError, match="alarm_webhook") as caught:
        settings.load(
            config, project="oodt", stack="dev", root=ROOT, encrypted=["oodt:alarm_webhook"] * encrypted
        )
    assert "cr3t" not in str(caught.value)
    assert "pulumi config set --secret alarm_webhook" in str(caught.value)


def test_a_webhook_is_an_address_and_a_secret() -> None:
    config = {f"oodt:{key}": text for key, text in defaults().items()}
    url = "https://host/s3cr3t?x=y"
    chosen = settings.load(
        config | {"oodt:alarm_webhook": url},
        project="oodt",
        stack="dev",
        root=ROOT,
        encrypted=["oodt:alarm_webhook"],
    )
    assert chosen.alarm_webhook == url and "s3cr3t" not in repr(chosen)
