"""Programs that call the user API with clients that others wrote: once the node, and once usermgmt."""
