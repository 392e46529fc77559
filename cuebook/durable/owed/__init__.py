"""What durable actors owe: reminders to themselves, deliveries to others. Knows no event."""
