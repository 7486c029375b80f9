"""Orders the effects: the only place that says what happens before what."""
