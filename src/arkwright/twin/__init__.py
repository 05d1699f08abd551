"""The digital twin: the live scheduler in virtual time, over workloads, failures and weather."""
