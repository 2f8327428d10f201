"""The backend: a supervisor process that owns the sockets and never computes, and a worker process that paints."""
