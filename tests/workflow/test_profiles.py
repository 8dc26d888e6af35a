"""Run profiles: where they are found, how faults are told, what is submitted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from vitreous.cli.profile_command import profile_app
from vitreous.core.errors import DataError, UsageError
from vitreous.workflow.executors.probe import dry_run, run_probe, smallest
from vitreous.workflow.executors.queues import rendered
from vitreous.workflow.profile import (
    HtcondorProfile,
    LocalProfile,
    LsfProfile,
    PbsProfile,
    SgeProfile,
    SlurmProfile,
    SshProfile,
    check_profile,
    find_profile,
    load_profiles,
    memory_bytes,
    read_profiles,
    toml_text,
)

COMMON: dict[str, Any] = {
    "workers": 2,
    "gpu_workers": 1,
    "gpus_per_worker": 2,
    "threads": 4,
    "memory": "6GB",
    "queue": "long",
    "gpu_queue": "gpus",
    "account": "lab",
    "setup": ("module load cuda",),
    "python": "/opt/python",
    "scratch": "/scratch",
    "interface": "ib0",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with no profiles yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "config" / "vitreous").mkdir(parents=True)
    (tmp_path / "project").mkdir()
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_local_is_always_there() -> None:
    named = load_profiles(None)["local"]
    assert named.profile == LocalProfile()
    assert named.origin is None


def test_the_projects_profile_goes_before_the_users(home: Path) -> None:
    user = write(home / "config/vitreous/profiles.toml", '[a]\nkind="slurm"\nqueue="user"\n[b]\nkind="local"\n')
    mine = write(home / "project/profiles.toml", '[a]\nkind="slurm"\nqueue="project"\n[local]\nkind="local"\nworkers=3')
    profiles = load_profiles(home / "project")
    assert {name: named.origin for name, named in profiles.items()} == {"a": mine, "b": user, "local": mine}
    assert profiles["a"].profile == SlurmProfile(kind="slurm", queue="project")


def test_an_unknown_profile_names_the_known_ones(home: Path) -> None:
    with pytest.raises(UsageError, match="no run profile 'cluster'") as caught:
        find_profile("cluster", home / "project")
    assert "local" in caught.value.hint
    assert str(home / "project/profiles.toml") in caught.value.hint


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('[a]\nkind = "slurm\n', r"no TOML: .*line 2", "Correct"),
        ("[a]\nworkers = 2\n", "profile a", "Set kind to one of local, ssh, slurm, sge, lsf, pbs, htcondor"),
        ('[a]\nkind = "moab"\n', "profile a", "Set kind to one of"),
        ('[a]\nkind = "slurm"\nworker = 2\n', "profile a, field worker: Extra", "A slurm profile knows .*workers"),
        ('[a]\nkind = "slurm"\nworkers = -1\n', "field workers: Input should be greater", "Correct"),
        ('[a]\nkind = "slurm"\nmemory = "lots"\n', "field memory: 'lots' is no amount of memory", "Correct"),
        ('[a]\nkind = "slurm"\nworkers = 0\n', "nothing would ever run", "Correct"),
        ('[a]\nkind = "ssh"\nhosts = []\n', "field hosts", "Correct"),
        ('kind = "local"\n', "kind stands outside any profile", r"\[kind\]"),
    ],
)
def test_faults_name_file_profile_and_field(home: Path, text: str, message: str, hint: str) -> None:
    path = write(home / "profiles.toml", text)
    with pytest.raises(DataError, match=message) as caught:
        read_profiles(path)
    assert str(path) in caught.value.message
    assert re.search(hint, caught.value.hint)


def test_a_file_that_is_no_text_is_told(home: Path) -> None:
    (home / "profiles.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="can't be read"):
        read_profiles(home / "profiles.toml")


def test_profiles_written_are_read_back_the_same(home: Path) -> None:
    profiles = {
        "here": LocalProfile(gpus=(0, "GPU-1"), workers=3),
        'of "the" lab': SlurmProfile(kind="slurm", directives=('--comment="a\tb\\c"',), **COMMON),
        "nodes": SshProfile(kind="ssh", hosts=("n1", "n2"), gpus=2),
    }
    assert read_profiles(write(home / "profiles.toml", toml_text(profiles))) == profiles


@pytest.mark.parametrize(
    ("text", "size"), [("6GB", 6 * 2**30), ("500 MiB", 500 * 2**20), ("1.5g", 3 * 2**29), ("1000", 1000)]
)
def test_memory_is_read_with_its_unit(text: str, size: int) -> None:
    assert memory_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GB", "0GB", "-1GB", "6 XB", "6GBGB"])
def test_what_is_no_memory_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        LocalProfile(memory=text)


WORKER = "/opt/python -m distributed.cli.dask_worker tls://SCHEDULER:PORT --name"


@pytest.mark.parametrize(
    ("profile", "cpu", "gpu"),
    [
        (
            SlurmProfile(kind="slurm", walltime="2-00:00:00", **COMMON),
            [
                "#SBATCH -p long",
                "#SBATCH -A lab",
                "#SBATCH -n 1",
                "#SBATCH --cpus-per-task=4",
                "#SBATCH --mem=6G",
                "#SBATCH -t 2-00:00:00",
                "#SBATCH -o /logs/vitreous-cpu-%J.out",
            ],
            ["#SBATCH -p gpus", "#SBATCH --gres=gpu:2"],
        ),
        (
            SgeProfile(kind="sge", walltime="48:00:00", parallel_environment="smp", **COMMON),
            ["#$ -q long", "#$ -P lab", "#$ -pe smp 4", "#$ -l h_vmem=1536M", "#$ -l h_rt=48:00:00", "#$ -e /logs/"],
            ["#$ -q gpus"],
        ),
        (
            LsfProfile(kind="lsf", walltime="48:00", **COMMON),
            ["#BSUB -q long", '#BSUB -P "lab"', "#BSUB -n 4", '#BSUB -R "span[hosts=1]"', "#BSUB -W 48:00"],
            ["#BSUB -q gpus", '#BSUB -gpu "num=2"'],
        ),
        (
            PbsProfile(kind="pbs", walltime="48:00:00", **COMMON),
            ["#PBS -q long", "#PBS -A lab", "#PBS -l select=1:ncpus=4:mem=6144MB", "#PBS -l walltime=48:00:00"],
            ["#PBS -q gpus", "#PBS -l select=1:ncpus=4:ngpus=2:mem=6144MB"],
        ),
        (
            HtcondorProfile(kind="htcondor", **COMMON),
            ["RequestCpus = 4", "MY.DaskWorkerMemory = 6442450944", "accounting_group = lab"],
            ["request_gpus = 2"],
        ),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_the_script_asks_for_what_the_profile_says(profile: Any, cpu: list[str], gpu: list[str]) -> None:
    script = rendered(profile, "cpu", Path("/logs"))
    lines = script.splitlines()
    assert [line for line in cpu if line not in lines] == []
    assert not set(gpu) & set(lines)
    for part in ("export OMP_NUM_THREADS=4", "module load cuda", "export CUDA_VISIBLE_DEVICES=", f"{WORKER} cpu-0"):
        assert part in script
    for part in ("--nthreads 1 ", "--nanny", "--local-directory /scratch", "--resources CPU=1", "--interface ib0"):
        assert part in script
    script = rendered(profile, "gpu", Path("/logs"))
    assert [line for line in gpu if line not in script.splitlines()] == []
    assert "--resources GPU=1" in script
    assert "CUDA_VISIBLE_DEVICES" not in script


def test_rendering_makes_no_folder(home: Path) -> None:
    rendered(SlurmProfile(kind="slurm"), "cpu", home / "logs")
    assert not (home / "logs").exists()


def test_empty_directives_and_those_about_absent_gpus_are_left_out() -> None:
    directives = ("--mail-user=", "", "--qos=normal", "--gres=gpu:a100:1", "--exclusive")
    profile = SlurmProfile(kind="slurm", directives=directives, workers=1, gpu_workers=1)
    cpu, gpu = rendered(profile, "cpu"), rendered(profile, "gpu")
    assert "mail-user" not in cpu + gpu
    assert "#SBATCH --qos=normal\n#SBATCH --exclusive\n" in cpu
    assert "gres" not in cpu
    assert gpu.count("--gres") == 1
    assert "#SBATCH --gres=gpu:a100:1" in gpu


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"directives": ("--mail-user=",)}, "directives", "no value"),
        ({"directives": ("#SBATCH --qos=a",)}, "directives", "prefix already"),
        ({"directives": ("--qos=a; --exclusive",)}, "directives", "several commands"),
        ({"directives": ("--gres=gpu:1",)}, "directives", "gpu_workers is 0"),
        ({"directives": ("--gres=gpu:0",), "gpu_workers": 1}, "directives", "asks for no GPU"),
        ({"walltime": "two days"}, "walltime", "no time for slurm"),
        ({"memory": "6"}, "memory", "no unit"),
        ({"memory": "6MB"}, "memory", "less than a worker needs"),
        ({"setup": ("srun hostname",)}, "setup", "job inside the job"),
    ],
)
def test_what_is_suspicious_is_found(fields: dict[str, Any], field: str, message: str) -> None:
    (finding,) = check_profile(SlurmProfile.model_validate({"kind": "slurm"} | fields))
    assert finding.field == field
    assert message in finding.message


def test_a_gpu_request_that_differs_between_sites_must_be_written() -> None:
    bare = SgeProfile(kind="sge", workers=0, gpu_workers=1)
    assert [finding.field for finding in check_profile(bare)] == ["directives"]
    assert check_profile(bare.model_copy(update={"directives": ("-l gpu=1",)})) == []
    assert check_profile(PbsProfile(kind="pbs", workers=0, gpu_workers=1)) == []


@pytest.mark.parametrize("walltime", ["90", "10:00:00", "3-12", "3-12:00:00"])
def test_times_that_slurm_takes_are_not_suspicious(walltime: str) -> None:
    assert check_profile(SlurmProfile(kind="slurm", walltime=walltime)) == []


def test_the_dry_run_of_ssh_shows_its_commands() -> None:
    text = dry_run(SshProfile(kind="ssh", hosts=("n1", "n2"), gpus=1), Path("/logs"))
    assert [line.split()[:4] for line in text.splitlines()] == [
        ["ssh", "-o", "BatchMode=yes", host] for host in ("n1", "n1", "n2", "n2")
    ]
    assert "--resources GPU=1" in text


def test_a_probe_takes_a_single_worker() -> None:
    assert smallest(SlurmProfile(kind="slurm", workers=0, gpu_workers=5)) == (
        SlurmProfile(kind="slurm", workers=0, gpu_workers=1),
        "gpu",
    )
    assert smallest(SshProfile(kind="ssh", hosts=("a", "b"), workers=4)) == (
        SshProfile(kind="ssh", hosts=("a",), workers=1),
        "cpu",
    )


def test_a_probe_of_this_machine_tells_times_and_versions(home: Path) -> None:
    found = run_probe(LocalProfile(), home / "logs", 60.0)
    assert found.first_worker < 60.0
    assert 1.0 <= found.answer < 20.0
    assert found.differences == ()
    assert set(found.versions) == {"python", "vitreous", "distributed"}


def test_the_commands_list_show_and_check(home: Path) -> None:
    write(home / "project/profiles.toml", '[lab]\nkind = "slurm"\nqueue = "long"\ndirectives = ["--qos="]\n')
    place = ["--project", str(home / "project")]
    runner = CliRunner()
    listed = runner.invoke(profile_app, ["list", *place])
    assert "lab" in listed.output
    assert "built in" in listed.output
    shown = runner.invoke(profile_app, ["show", "lab", *place])
    assert shown.output == '[lab]\nkind = "slurm"\nqueue = "long"\ndirectives = ["--qos="]\n'
    script = runner.invoke(profile_app, ["show", "lab", "--dry-run", *place])
    assert "#SBATCH -p long" in script.output
    checked = runner.invoke(profile_app, ["check", "lab", *place])
    assert checked.exit_code == 1
    assert "no value" in checked.output
    assert runner.invoke(profile_app, ["check", "local", *place]).exit_code == 0
    assert isinstance(runner.invoke(profile_app, ["show", "nothing", *place]).exception, UsageError)
