"""What at least two services use: nothing enters this package for the sake of one."""
