"""The essays as data, and how a passage of them is found."""
