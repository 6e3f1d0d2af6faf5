"""What this process tells of itself: logs, traces, OpenTelemetry; never any content."""
