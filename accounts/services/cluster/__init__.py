"""The cluster: setting it up for usermgmt, and its health."""
