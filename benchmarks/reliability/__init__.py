"""What the service promises, put to the proof with real processes, sockets and signals.

Every promise has a drill that takes a home and a number of rounds. The tests run a few rounds, and
`python -m benchmarks.reliability` as many as the promise names, from which it writes docs/RELIABILITY.md.
"""
