"""The digital twin: workloads, faults, weather and prices around the scheduler, in virtual time."""
