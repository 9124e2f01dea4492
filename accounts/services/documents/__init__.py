"""Documents in the indices of usermgmt: index names and templates, reads and writes, and locks."""
