"""Quotas of CPUs, read off trees of control groups as kernels and containers lay them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from cuebook.children.cgroups import quota_cpus, quota_of

V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
)
TREES: dict[str, tuple[str, str, dict[str, str], int | None]] = {
    "v2, no limit": ("0::/", V2, {"sys/fs/cgroup/cpu.max": "max 100000"}, None),
    "v2, the root has no file": ("0::/user.slice", V2, {"sys/fs/cgroup/user.slice/cpu.max": "max 100000"}, None),
    "v2, a quota at the leaf": ("0::/a/b", V2, {"sys/fs/cgroup/a/b/cpu.max": "50000 100000"}, 1),
    "v2, a quota half way up": (
        "0::/a/b/c",
        V2,
        {"sys/fs/cgroup/a/b/c/cpu.max": "max 100000", "sys/fs/cgroup/a/cpu.max": "250000 100000"},
        3,
    ),
    "v2, the smallest counts": (
        "0::/a/b",
        V2,
        {"sys/fs/cgroup/a/b/cpu.max": "400000 100000", "sys/fs/cgroup/a/cpu.max": "150000 100000"},
        2,
    ),
    "v2, a container that sees its own part alone": (
        "0::/docker/abc",
        V2.replace(" / /sys", " /docker/abc /sys"),
        {"sys/fs/cgroup/cpu.max": "50000 100000"},
        1,
    ),
    "v2, a container in a namespace of its own": ("0::/", V2, {"sys/fs/cgroup/cpu.max": "150000 100000"}, 2),
    "v2, a group above the namespace": ("0::/../other", V2, {"sys/fs/cgroup/cpu.max": "150000 100000"}, 2),
    "v2, a folder with a space": (
        "0::/a b",
        V2.replace("/sys/fs/cgroup", "/sys/fs/my\\040groups"),
        {"sys/fs/my groups/a b/cpu.max": "100000 100000"},
        1,
    ),
    "v1, a quota at the leaf": (
        "4:memory:/m\n3:cpu,cpuacct:/a\n",
        V1,
        {
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "50000\n",
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
        },
        1,
    ),
    "v1, a quota above, none at the leaf": (
        "3:cpu,cpuacct:/a/b\n",
        V1,
        {
            "sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us": "-1",
            "sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us": "100000",
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "200000",
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000",
        },
        2,
    ),
    "v1 in a container": (
        "3:cpu,cpuacct:/docker/abc\n0::/docker/abc\n",
        V1.replace("0:29 / /sys", "0:29 /docker/abc /sys"),
        {
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "150000",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
        },
        2,
    ),
    "both, the limit is in v1": (
        "1:cpu:/\n0::/",
        V1.replace("cpu,cpuacct rw", "cpu rw").replace("rw,cpu,cpuacct", "rw,cpu")
        + V2.replace("/sys/fs/cgroup", "/sys/fs/cgroup/unified"),
        {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"},
        1,
    ),
    "what a later kernel may write": ("0::/", V2, {"sys/fs/cgroup/cpu.max": "half 100000"}, None),
    "nothing is mounted": ("0::/", "", {}, None),
    "no groups at all": ("", V2, {}, None),
}


@pytest.mark.parametrize("tree", TREES)
def test_the_smallest_quota_from_the_own_group_up_to_the_root_counts(tree: str, tmp_path: Path) -> None:
    memberships, mounts, files, cpus = TREES[tree]
    for name, text in {"proc/self/cgroup": memberships, "proc/self/mountinfo": mounts, **files}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    assert quota_of(str(tmp_path)) == cpus


def test_a_system_without_control_groups_has_no_quota(tmp_path: Path) -> None:
    assert quota_of(str(tmp_path)) is None


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("max 100000", None),
        ("-1 100000", None),
        ("0 100000", None),
        ("", None),
        ("100000", None),
        ("50000 100000", 1),
        ("100000 100000\n", 1),
        ("100001 100000", 2),
        ("400000 100000", 4),
    ],
)
def test_a_quota_is_rounded_up_to_whole_cpus(text: str, cpus: int | None) -> None:
    assert quota_cpus(text) == cpus
