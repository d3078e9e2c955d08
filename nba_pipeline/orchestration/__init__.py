"""Jobs, schedules, sensors, and what decides when each of them starts something."""
