"""What the feed's bench runs beside itself: servers, each on a core, and what asks them."""
