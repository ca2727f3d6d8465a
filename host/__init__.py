"""The workstation's side: from a network's name to a plan that runs on the board."""
