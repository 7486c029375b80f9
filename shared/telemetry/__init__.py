"""What operators can see of the application: records, the metrics made of them, and where they go."""
