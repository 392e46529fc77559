"""Several actors: supervisors' strategies, groups, pools."""
