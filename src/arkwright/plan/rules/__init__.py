"""What limits decisions. Each rule is a function that says its formula and gives its rows.

R1-R3, R12 and R15 limit what is done with what stands: they are in `plan.dispatch`. R4, the end of
a rack's life, is in the futures' `arrived`. R9 and the values the master expects are bounded by
cuts (`plan.cuts`).
"""
