"""What is sent: candidates, redaction, token bound, rendering. Pure: same input, same output."""
