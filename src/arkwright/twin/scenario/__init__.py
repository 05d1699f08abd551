"""A scenario: what is simulated, from one YAML file to runs of the twin.

`spec` declares the file, `load` reads and checks it, `sources` and `prepare` make of it what a run
takes, `simulate` runs it. `vary` changes keys of it for sweeps.
"""
