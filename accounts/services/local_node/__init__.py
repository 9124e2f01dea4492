"""A node on this machine: its settings, certificates, keystore, and file realm."""
