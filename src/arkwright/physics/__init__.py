"""Physics: each equation once, pure, over numbers or NumPy arrays of any one shape.

`heat` for coolant, air, chillers and water; `losses` for the power chain; `climate` for a synthetic
year; `fibre` for light's delay; `conductor` for busways; `reliability` for failures and
checkpoints; `steps` for sums over time; `energy` for what they are worth. What has a physical or
commercial meaning is an argument: the catalogue holds the figures.
"""
