"""Clusters that others run, seen with Arkwright's scheduler: nothing there is changed.

- `present`: the cluster as it stands, as a fleet that can be asked why, when and what if
- `summary`: what it has, what runs, what waits
- `past`: what its accounting tells of the last weeks
- `compare`: the same weeks decided by Arkwright, beside what happened
"""
