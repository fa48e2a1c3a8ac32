"""What is done about each event; done twice, late or out of order, it leaves the same world."""
