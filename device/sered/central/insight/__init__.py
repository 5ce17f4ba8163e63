"""What may be said of many calls: figures with their uncertainty, or that there is none.

`figures` has the statistics, `rollup` counts calls by the hour, `told` makes of that what may be
told of a day, `case_counts` counts cases, `keeping` keeps all fresh; each other room answers one
question, as an `Answer` that page, CSV and report share. No figure is by employee, desk or line,
and none of a group under five desks, not by subtraction either: `cells` says what is told by name
and what together, and `groups` does it for figures of weeks.
"""
