"""From the Functions worker's types to ours, and back."""
