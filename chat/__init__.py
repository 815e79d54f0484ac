"""A discussion of the essays: what is asked, answered, checked and shown."""
