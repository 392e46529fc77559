"""How many workers, which batch, where: measured on the user's own function. Above `api`, which it uses as any user would."""
