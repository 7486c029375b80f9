"""Telemetry by OpenTelemetry. Imported only where a setting switches it on."""
