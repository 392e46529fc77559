"""Looking inside: traces, telemetry, the watchdog, dumps."""
