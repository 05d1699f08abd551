"""What a plan says, worked out from its schedule: one file for each answer, no solver in any."""
