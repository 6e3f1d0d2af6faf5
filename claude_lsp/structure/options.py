"""The thresholds of the structural review."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StructureOptions:
    """From where on a fact becomes a finding.

    A percentile alone would always find somebody, even in a project of small modules; a floor
    alone would list half of a project of large ones. Both must be passed.

    Attributes:
        size_lines: code lines below which no module is too large.
        size_percentile: the share of the project's modules, in percent, that a module must be
            larger than.
        size_ratio: how many times the project's median module it must be.
        size_definitions: functions, classes and methods it must hold: a long table is no god.
        hub_fan_in: importers below which no module is a hub.
        hub_fan_out: imported modules below which no module is a hub.
        hub_percentile: the share of modules, in percent, that it must reach in both.
        unstable_gap: how much less stable the imported package must be, as a difference of
            instabilities from 0 to 1.
        unstable_importers: modules outside that must rely on the importing package.
        unstable_outgoing: modules outside that the imported package must rely on.
        duplicate_lines: lines that modules must have in common to be more than a hint.
        coupling_commits: commits that must have changed two modules.
        coupling_share: the share of each one's commits that these must be, from 0 to 1.
        untested_lines: code lines below which nobody misses a test.
        tested_share: the share of modules that tests must reach, from 0 to 1, for the others to
            be missed.
    """

    size_lines: int = 500
    size_percentile: float = 99
    size_ratio: float = 4
    size_definitions: int = 30
    hub_fan_in: int = 10
    hub_fan_out: int = 10
    hub_percentile: float = 95
    unstable_gap: float = 0.4
    unstable_importers: int = 8
    unstable_outgoing: int = 4
    duplicate_lines: int = 30
    coupling_commits: int = 8
    coupling_share: float = 0.6
    untested_lines: int = 20
    tested_share: float = 0.5
