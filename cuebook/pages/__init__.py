"""Pages of HTML that need nothing beside themselves: figures as inline SVG, no script, no font, no network."""
