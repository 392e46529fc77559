"""Whole lives in virtual time: one runner for the cast and for scenarios of users."""
