"""What the application tells its operators: records, the metrics made of them, and where they go."""
