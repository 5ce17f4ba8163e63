"""The checks: each module examines one part of the box."""
