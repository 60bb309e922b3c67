"""What the app tells OpenTelemetry: names, spans and metrics; see docs/telemetry.md."""
