"""The parts that touch the outside: engines, sockets, daemons. Found by their entry-point names."""
