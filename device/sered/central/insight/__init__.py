"""What may be said of many calls: figures with their uncertainty, or that there is none.

`figures` has the statistics, `rollup` the hourly counts that feed every chart, `keeping` keeps
both fresh; each other room answers one question, as an `Answer` that page, CSV and report share.
No figure is by employee, desk or line, and none of a group under five desks: the only ways to ask
are by site, queue, cause, team and version, and `groups` refuses what is small.
"""
