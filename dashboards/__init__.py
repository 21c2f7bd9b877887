"""What people see: the web interface, its live stream and its pages."""
