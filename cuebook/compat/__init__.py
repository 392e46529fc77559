"""Drop-in faces of older systems."""
