"""How many workers, which batch, where: measured on the user's own function, by runs as anybody makes them."""
