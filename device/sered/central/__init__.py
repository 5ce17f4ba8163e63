"""Central, the half that listens: what boxes publish becomes cases that people call back.

Rooms, in the order of the way: `ingest` (broker to store), `store` (tables, migrations),
`cases` (state, deadlines, steps, what people do), `callers` (which number), `notify` (outbox to
channels), `people` (users and roles), `audit` (who did what), `web` (the board), `simulate` (boxes
and a telephone exchange that know the truth).
`context.Central` is what every part is given.

Only the ground, the contract and the one subscriber are known here; nobody but `cli` knows central.
"""
