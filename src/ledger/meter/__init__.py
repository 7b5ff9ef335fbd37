"""Metering: usage events in, exact quantities out. Buffer and spool are its only moving parts."""
