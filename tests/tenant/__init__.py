"""A local stand-in for one Auth0 tenant that runs real Action JavaScript."""
