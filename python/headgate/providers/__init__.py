"""What a vendor is: mostly rows of data."""
