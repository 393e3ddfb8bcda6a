"""The fault matrix: what each fault shows, what it leaves alone, that it heals, that nothing is lost or done twice."""
