"""The board: what people see of the cases and do about them, in a browser and without internet.

`app.make_app(central)` is the whole of it; `server.serve` runs it. Pages are made here, from
templates and pictures of our own, and every action is a plain form: without script all of it works
but the live queue. `guard` stands before every page, `views` knows who asks.
"""
