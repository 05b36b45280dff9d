"""Options, fixtures and the report of ``pytest benchmarks``."""

import tempfile
from pathlib import Path

import pytest

from benchmarks import table
from benchmarks.harness import Bench, seconds

_BENCHES = pytest.StashKey()


def pytest_addoption(parser):
    group = parser.getgroup("benchmarks")
    group.addoption("--quick", action="store_true", help="shrink everything: does it run at all?")
    group.addoption("--repeat", type=int, help="rounds of every benchmark")
    group.addoption(
        "--accelerator",
        choices=("gpu", "any"),
        default="gpu",
        help="any: let the benchmarks of -m gpu run on a CPU, with --quick or --results only",
    )
    group.addoption(
        "--resume", action="store_true", help="leave out what is measured of this code already"
    )
    group.addoption("--results", type=Path, help="folder for the records (not with --quick)")


def pytest_configure(config):
    config.addinivalue_line("markers", "gpu: trains on the accelerator of Keras' backend, if any")
    options = config.option
    if options.accelerator == "any" and not (options.quick or options.results):
        # A CPU's figures must not stand among those of accelerators.
        raise pytest.UsageError("--accelerator any needs --quick, or --results and a folder")
    config.addinivalue_line("markers", "slow: takes many minutes, or much memory, on two cores")
    config.addinivalue_line("markers", "seeds: one of the five seed projects, on all its data")


def pytest_collection_modifyitems(config, items):
    if not config.pluginmanager.hasplugin("timeout"):
        return
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(0))


@pytest.fixture(scope="session")
def bench(pytestconfig):
    """The settings of this run."""
    options = pytestconfig.option
    results = options.results or table.RESULTS
    if options.quick:
        results = Path(tempfile.mkdtemp(prefix="benchmarks-"))
    # Folders are left out of the command: they say nothing about what was run.
    shown = [a for a in pytestconfig.invocation_params.args if not Path(str(a)).is_absolute()]
    command = " ".join(["pytest", *map(str, shown)])
    made = Bench(
        results,
        quick=options.quick,
        repeat=options.repeat,
        resume=options.resume and not options.quick,
        command=command,
    )
    pytestconfig.stash[_BENCHES] = made
    return made


def pytest_sessionfinish(session):
    made = session.config.stash.get(_BENCHES, None)
    if made is not None and made.records and made.results == table.RESULTS:
        table.write()


def pytest_terminal_summary(terminalreporter, config):
    made = config.stash.get(_BENCHES, None)
    if made is None or not made.records:
        return
    terminalreporter.section("figures" + (" (--quick: they mean nothing)" if made.quick else ""))
    for record in made.records:
        load = record["load_at_start"]
        busy = f", load {load[0]:.1f} at start" if load else ""
        took = seconds(table.duration(record))
        terminalreporter.write_line(f"{record['title']} ({took}{busy})")
        for what, target, measured, verdict in table.rows(record):
            missed = verdict in ("MISSED", "FAILED")
            wanted = f" [{target}]" if target else ""
            line = f"  {verdict or '-':8} {what}: {measured}{wanted}"
            terminalreporter.write_line(line, red=missed)
