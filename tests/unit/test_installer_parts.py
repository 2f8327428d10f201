"""The installer's parts, on real files in folders of their own."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from installer import (
    doctor,
    environment,
    launcher,
    offline,
    places,
    plugin,
    problems,
    setup,
    torch_build,
    tree,
    uninstall,
    wheels,
)
from installer.problems import Problem
from installer.record import NAME, Record
from installer.target import Target


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder with nothing in it."""
    folder = tmp_path / "user"
    folder.mkdir()
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "GIMP3_DIRECTORY", "NEURAL_STYLE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder whose wheels are fetched once."""
    return tmp_path_factory.mktemp("home")


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else b"" for p in folder.rglob("*")}


# -------------------------------------------------------------------------------------------------- places


def test_paths_are_shown_from_the_users_folder(user: Path) -> None:
    assert places.short(user / "a" / "b") == str(Path("~/a/b"))
    assert places.short(Path("/somewhere/else")) == str(Path("/somewhere/else"))


# -------------------------------------------------------------------------------------------------- record


def test_record_is_incomplete_until_the_end(tmp_path: Path) -> None:
    record = Record.begin(tmp_path / "home")
    with pytest.raises(KeyboardInterrupt), record.unfinished():
        record.pins = "p"
        record.save()
        raise KeyboardInterrupt
    found = Record.load(record.home)
    assert found is not None and not found.complete and found.pins == "p"
    with found.unfinished():
        pass
    assert Record.load(record.home) == found and found.complete


def test_unreadable_record_counts_as_interrupted(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("{")
    found = Record.load(tmp_path)
    assert found is not None and not found.complete and not found.pins


def test_folder_with_others_files_is_refused_as_home(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(Problem, match="not ours"):
        Record.begin(tmp_path)
    assert snapshot(tmp_path) == {"letter.txt": b"dear"}


def test_home_that_only_a_backend_has_used_is_taken(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "speed.json").write_text("{}")
    assert Record.begin(tmp_path).home == tmp_path


# ------------------------------------------------------------------------------------------------- plug-in


def test_plug_in_is_whole_and_its_libraries_load_in_the_systems_python(store: Path, tmp_path: Path) -> None:
    target = plugin.install(tmp_path / "plug-ins", store, Path(sys.executable))
    ours = {"neural-style.py", "neuralstyle", "icons", "locale", "protocol"}
    assert {path.name for path in target.iterdir()} == {*ours, "vendor", "installation.json"}
    for language in ("de", "es", "fr", "zh_CN"):
        assert (target / "locale" / language / "LC_MESSAGES" / "neural-style.mo").is_file()
    assert (target / "neural-style.py").stat().st_mode & 0o111 == 0o111
    note = json.loads((target / "installation.json").read_text())
    assert (note["home"], note["python"]) == (str(store), sys.executable)
    assert plugin.is_current(target, store, Path(sys.executable))
    assert list((tmp_path / "plug-ins").iterdir()) == [target]
    script = f"import sys; sys.path[:0] = [{str(target / 'vendor')!r}, {str(target)!r}]; import protocol.client, zmq; "
    for python in {sys.executable, "/usr/bin/python3"}:
        if Path(python).exists():
            done = subprocess.run([python, "-I", "-c", script + "print(zmq.__file__)"], capture_output=True, text=True)
            assert done.stdout.startswith(str(target)), done.stderr


def test_plug_in_replaces_an_older_one_and_a_torn_one(store: Path, tmp_path: Path) -> None:
    (tmp_path / ".neural-style-torn").mkdir()
    target = plugin.install(tmp_path, store, Path(sys.executable))
    (target / "stale.py").write_text("")
    (target / "neural-style.py").write_text("")
    assert not plugin.is_current(target, store, Path(sys.executable))
    assert plugin.damaged(target) == ["neural-style.py"]
    plugin.install(tmp_path, store, Path(sys.executable))
    assert plugin.is_current(target, store, Path(sys.executable))
    assert not (target / "stale.py").exists() and list(tmp_path.iterdir()) == [target]


def test_plug_in_that_cannot_be_run_is_damaged(store: Path, tmp_path: Path) -> None:
    target = plugin.install(tmp_path, store, Path(sys.executable))
    (target / "neural-style.py").chmod(0o644)
    assert plugin.damaged(target) == ["neural-style.py (not executable)"]


def test_foreign_folder_is_neither_replaced_nor_removed(store: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "neural-style"
    foreign.mkdir()
    (foreign / "own.py").write_text("mine")
    before = snapshot(tmp_path)
    with pytest.raises(Problem, match="not ours"):
        plugin.install(tmp_path, store, Path(sys.executable))
    assert not plugin.remove(foreign, store)
    assert snapshot(tmp_path) == before


def test_linked_plug_in_of_a_developer_is_left_alone(store: Path, tmp_path: Path) -> None:
    other = plugin.install(tmp_path / "other", store, Path(sys.executable))
    (tmp_path / "plug-ins").mkdir()
    (tmp_path / "plug-ins" / "neural-style").symlink_to(other)
    with pytest.raises(Problem, match="not ours"):
        plugin.install(tmp_path / "plug-ins", store, Path(sys.executable))


def test_plug_in_of_another_home_is_not_removed(store: Path, tmp_path: Path) -> None:
    target = plugin.install(tmp_path, store, Path(sys.executable))
    assert not plugin.remove(target, tmp_path / "another-home")
    assert plugin.remove(target, store) and not target.exists()


def test_plug_in_for_a_gimp_that_no_wheel_fits_has_a_bridge(
    user: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(wheels, "possible_pythons", lambda target: [])
    monkeypatch.setattr(setup, "venv_python", lambda home: Path(sys.executable))
    record, folder = Record.begin(user / "home"), tmp_path / "plug-ins"
    setup._install_plug_in(record, folder)
    said = capsys.readouterr().out.splitlines()
    assert "helper process" in said[-1]
    assert len(said) == 2
    target = folder / plugin.NAME
    assert not (target / "vendor").exists()
    assert not plugin.damaged(target)
    finding = doctor._plug_in(record.home, target)
    assert finding.ok
    assert "through the bridge" in finding.text
    script = f"import sys; sys.modules['zmq'] = None; sys.path[:0] = [{str(target)!r}]; import protocol.client; "
    script += "from protocol.transport import uses_bridge; print(uses_bridge())"
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True)
    assert done.stdout == "True\n", done.stderr


def test_folder_that_the_plug_in_cannot_go_into_does_not_keep_it_from_others(
    user: Path, store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "venv_python", lambda home: Path(sys.executable))
    record = Record.begin(user / "home")
    wheels_of(store, record.home)
    foreign, broken, good = (user / name for name in ("foreign", "broken", "good"))
    (foreign / plugin.NAME).mkdir(parents=True)
    broken.write_text("a file")
    assert [setup._serve(record, folder) for folder in (foreign, broken, good)] == [False, False, True]
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 3 and [line.count("FAILED") for line in said] == [1, 1, 0]
    assert "not ours. Move it away" in said[0] and said[1].endswith(".")
    assert plugin.note(good / plugin.NAME) and plugin.note(foreign / plugin.NAME) is None


def test_folder_without_wheels_is_not_installed_from(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="no wheels in") as caught:
        offline.use(tmp_path)
    assert "download --to" in caught.value.remedy


def test_missing_wheel_is_told_with_what_to_download(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    failed = "ERROR: No matching distribution found for torch==2.13.0"
    problem = problems.from_pip(failed, Path("/home"), Path("/home/log"), Target.named("windows-amd64", "3.12"))
    assert problem.sentence == "Among the wheels at hand there is no torch==2.13.0 for Python 3.12 on windows-amd64."
    assert "--platform windows-amd64 --python 3.12" in problem.remedy


def test_no_network_is_not_taken_for_a_gimp_that_no_wheel_fits() -> None:
    failed = "ERROR: No matching distribution found for pyzmq==27.3.0"
    assert problems.lacks_build(failed)
    assert not problems.lacks_build(f"WARNING: Retrying after 'NewConnectionError'\n{failed}")


def test_wheels_serve_the_stable_abi_and_are_fetched_once(store: Path) -> None:
    first = wheels.fetch(Path(sys.executable), store)
    times = [wheel.stat().st_mtime_ns for wheel in first]
    assert any("-cp312-abi3-" in wheel.name for wheel in first)
    again = wheels.fetch(Path("/no/python/needed"), store)
    assert again == first and times == [wheel.stat().st_mtime_ns for wheel in again]


# ------------------------------------------------------------------------------------------------ launcher


def test_launcher_is_placed_once_and_starts_what_it_should(user: Path) -> None:
    record = Record.begin(user / "a home")
    program = places.venv_program(record.home)
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "$NEURAL_STYLE_HOME" "$@"\n')
    program.chmod(0o755)
    launcher.place(record)
    launcher.place(record)
    path = user / ".local/bin/neural-style"
    assert record.launcher == str(path) and launcher.leads_to(path, record.home)
    said = subprocess.run([path, "status", "a b"], capture_output=True, text=True).stdout
    assert said == f"{record.home} status a b\n"


def test_anothers_program_is_not_overwritten(user: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = user / ".local/bin/neural-style"
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n")
    record = Record.begin(user / "home")
    launcher.place(record)
    assert path.read_text() == "#!/bin/sh\n" and record.launcher == ""
    assert "left alone" in capsys.readouterr().out
    uninstall.uninstall(record.home, [])
    assert path.exists()


# ----------------------------------------------------------------------------------------------- uninstall


def test_uninstall_leaves_the_users_folder_as_it_was(user: Path, store: Path) -> None:
    gimp = user / ".config/GIMP/3.0"
    gimp.mkdir(parents=True)
    (gimp / "gimprc").write_text("(mine)")
    (gimp / "plug-in-settings").mkdir()
    (gimp / "plug-in-settings" / "GimpProcedureConfigRun-plug-in-other.last").write_text("other")
    before = snapshot(user)
    record = Record.begin(user / ".local/share/neural-style")
    wheels_of(store, record.home)
    with record.unfinished():
        tree.keep_copy(record.home)
        record.add_plug_in(gimp / "plug-ins" / plugin.NAME)
        record.make_folder(gimp / "plug-ins")
        plugin.install(gimp / "plug-ins", record.home, Path(sys.executable))
        launcher.place(record)
    (gimp / "plug-in-settings" / "GimpProcedureConfigRun-plug-in-neural-style.last").write_text("ours")
    assert snapshot(user) != before
    uninstall.uninstall(record.home, [])
    assert snapshot(user) == before


def test_uninstall_of_nothing_touches_nothing(user: Path) -> None:
    home = user / ".local/share/neural-style"
    home.mkdir(parents=True)
    (home / "letter.txt").write_text("dear")
    before = snapshot(user)
    uninstall.uninstall(home, [])
    assert snapshot(user) == before


def wheels_of(store: Path, home: Path) -> None:
    """Give a home folder the wheels that were fetched already."""
    wheels.fetch(Path(sys.executable), store)
    tree.copy(store / "wheels", home / "wheels")


# ------------------------------------------------------------------------------------------ tree, packages


def test_copy_is_the_same_software(tmp_path: Path) -> None:
    kept = tree.keep_copy(tmp_path)
    script = "import sys; sys.path[:] = [p for p in sys.path if p]; "
    script += f"sys.path.insert(0, {str(kept)!r}); from installer.tree import SOURCE, code_digest; "
    script += "print(SOURCE, code_digest())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.split() == [str(kept), tree.code_digest()], done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["installer"]


def test_every_requirement_is_pinned_exactly() -> None:
    for path in (environment.REQUIREMENTS, environment.TEST_REQUIREMENTS):
        lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
        assert lines and all(line.split(";")[0].count("==") == 1 for line in lines)


def test_torch_of_this_environment_is_the_pinned_one() -> None:
    import torch

    assert environment.pinned("torch") == f"torch=={torch.__version__.split('+')[0]}"


def test_build_of_torch_is_one_of_two(tmp_path: Path) -> None:
    assert torch_build.wanted() in ("cpu", "cuda")
    python, torch = Path(sys.executable), environment.pinned("torch")
    assert torch_build.plain_pip_gives(python, torch, tmp_path / "log", Target.here()) in ("cpu", "cuda")
    windows = Target.named("windows-amd64", "3.12")
    assert torch_build.plain_pip_gives(python, torch, tmp_path / "log", windows) == "cpu"


def test_without_a_network_pytorchs_own_builds_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ALL_PROXY", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # where nobody listens
    python, torch, log = Path(sys.executable), environment.pinned("torch"), tmp_path / "log"
    assert not torch_build.fetch_special(python, [torch], "cpu", log)
    assert torch_build.find_special_index(python, torch, "cpu", Target.here(), log) is None


def test_index_of_a_build_is_an_address_or_given_up(tmp_path: Path) -> None:
    python, torch = Path(sys.executable), environment.pinned("torch")
    found = torch_build.find_special_index(python, torch, "cpu", Target.here(), tmp_path / "log")
    assert found is None or found.startswith("https://")


def test_index_is_read_from_what_uv_says() -> None:
    said = "torch==2.13.0+cpu\n    # via -r torch.in\n    # from https://index.example/whl/cpu\n"
    match = torch_build.INDEX.search(said)
    assert match and match[1] == "https://index.example/whl/cpu"


# ------------------------------------------------------------------------------------------------ problems


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "full"),
        ("WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError'", "downloaded"),
        ("ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: 'x'", "written"),
        ("ERROR: No matching distribution found for torch==2.13.0", "no build of torch==2.13.0 for Python"),
        ("something nobody has seen", "could not be installed"),
    ],
)
def test_pips_words_become_a_sentence_and_a_remedy(output: str, sentence: str) -> None:
    problem = problems.from_pip(output, Path("/home"), Path("/home/log"))
    assert sentence in problem.sentence and problem.remedy.endswith(".")


def test_errors_of_the_system_become_a_sentence_and_a_remedy() -> None:
    full = problems.from_os_error(OSError(errno.ENOSPC, "No space left on device", "x"), Path("/home"))
    closed = problems.from_os_error(PermissionError(errno.EACCES, "Permission denied", "/x/y"), Path("/home"))
    assert "full" in full.sentence and "/x/y" in closed.sentence
