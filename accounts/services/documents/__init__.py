"""Documents in the indices of usermgmt: names and templates of the indices, and locks."""
