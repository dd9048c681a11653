# SPDX-License-Identifier: BSD-2-Clause
"""The numbers as tables for people and as one JSON file for programs."""

import json
import statistics

from cases import Result

COLUMNS = (  # key of a round, heading, format
    ("value", "", "{:,.1f}"),
    ("rate", "per second", "{:,.0f}"),
    ("p50_us", "p50 us", "{:,.0f}"),
    ("p99_us", "p99 us", "{:,.0f}"),
    ("busy", "core", "{:.0%}"),
    ("others", "others", "{:.0%}"),
    ("in", "of them in", "{:,.0f}"),
    ("attempts", "attempts", "{:,.0f}"),
    ("p50_s", "half in after s", "{:,.1f}"),
    ("ideal_s", "ideal s", "{:,.1f}"),
)


def ratios(result: Result) -> dict[str, dict]:
    """By subject: the median of the ratios of each round, and how far they go."""
    found = {}
    for subject, reference in result.pairs:
        pairs = zip(result.rounds[subject], result.rounds[reference])
        each = [a["value"] / b["value"] for a, b in pairs if b["value"] > 0]
        if each:
            found[subject] = {
                "against": reference,
                "median": statistics.median(each),
                "min": min(each),
                "max": max(each),
                "rounds": each,
            }
    return found


def table_rows(result: Result) -> list[list[str]]:
    columns = [column for column in COLUMNS if column[0] in next(iter(result.rounds.values()))[0]]
    rows = [["", result.unit, *[heading for _, heading, _ in columns[1:]], "ratio (min..max)"]]
    found = ratios(result)
    for name, rounds in result.rounds.items():
        row = [name]
        for key, _, form in columns:
            row.append(form.format(statistics.median(one[key] for one in rounds)))
        ratio = found.get(name)
        row.append(f"{ratio['median']:.3f} ({ratio['min']:.3f}..{ratio['max']:.3f})" if ratio else "")
        rows.append(row)
    return rows


def print_result(result: Result) -> None:
    rows = table_rows(result)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    count = len(next(iter(result.rounds.values())))
    print(f"\n{result.case}: {result.title} ({count} rounds)")
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  " + "  ".join(cells).rstrip(), flush=True)


def print_machine(machine: dict) -> None:
    for name, value in machine.items():
        print(f"{name + ':':12} {value}")


def print_configs(configs: dict[str, str]) -> None:
    for name, config in configs.items():
        print(f"\n--- configuration of {name} ---\n{config.rstrip()}")


def write_json(path: str, machine: dict, settings: dict, results: list[Result], extra: dict) -> None:
    cases = {}
    for result in results:
        cases[result.case] = {
            "title": result.title,
            "unit": result.unit,
            "ratios": ratios(result),
            "rounds": result.rounds,
        }
    with open(path, "w") as file:
        json.dump({"machine": machine, "settings": settings, "cases": cases, **extra}, file, indent=1)
        file.write("\n")
